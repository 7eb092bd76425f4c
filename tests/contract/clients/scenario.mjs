/**
 * What every client must be able to do: query, subscribe, mutate, receive events, unsubscribe.
 *
 * A client is a module with `ask(document, variables)`, which returns `data`; with `watch(document, variables,
 * observer)`, which subscribes and returns how to unsubscribe; and, if there is something to close, with `close()`.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { me } from './environment.mjs';
import { Events, PATIENCE_MS } from './events.mjs';
import { operations } from './operations.mjs';

/** Amplify retries a lost connection after five seconds, and then once a minute. */
const RETURN_MS = 75_000;

/** A service as a member offers it. */
export const offer = (changes = {}) => ({
  id: randomUUID(),
  userId: me,
  title: 'Garden help',
  description: 'Weeding, mowing, hedges.',
  category: 'garden',
  hourlyRate: 1,
  isActive: true,
  tags: [],
  ...changes,
});

/** The usual scenario with a client; throws where it goes wrong. */
export async function usual({ ask, watch }) {
  const [left, kept] = [new Events(), new Events()];
  const leave = await watch(operations.OnCreateService, { userId: me }, left);
  const stop = await watch(operations.OnCreateService, { userId: me, filter: { category: { eq: 'garden' } } }, kept);
  const first = await offerUntilReceived(ask, [left, kept]);
  console.log('ok: a mutation answers, and every subscription has the event');

  const { servicesByUserId } = await ask(operations.ServicesByUserId, { userId: me, limit: 1000 });
  assert.ok(servicesByUserId.items.some(({ id }) => id === first));
  assert.ok(servicesByUserId.items.every(({ userId }) => userId === me));
  console.log("ok: a query gives a member's rows");

  await leave();
  const second = await offerUntilReceived(ask, [kept]);
  assert.ok(!left.seen.some(({ onCreateService }) => onCreateService.id === second));
  await stop();
  console.log('ok: after unsubscribing there are no more events');
}

/** Assert that a subscription survives an interruption, which ends when the returned promise settles. */
export async function outlive({ ask, watch }, interruption) {
  const events = new Events();
  await watch(operations.OnCreateService, { userId: me }, events);
  await offerUntilReceived(ask, [events]);
  await interruption();
  await offerUntilReceived(ask, [events], RETURN_MS);
}

/** Create services until one reaches all subscriptions: graphql-transport-ws does not say when one listens. */
async function offerUntilReceived(ask, watching, patience = PATIENCE_MS) {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    const input = offer();
    const { createService } = await ask(operations.CreateService, { input });
    assert.deepEqual({ ...createService, ...input }, createService);
    const fits = ({ onCreateService }) => onCreateService.id === input.id;
    const events = await Promise.all(watching.map((events) => events.find(fits, 1000)));
    if (events.every(Boolean)) {
      assert.deepEqual({ ...events[0].onCreateService, ...input }, events[0].onCreateService);
      return input.id;
    }
  }
  throw new assert.AssertionError({ message: `no event within ${patience} ms` });
}
