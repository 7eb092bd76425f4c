/** `node amplify_v6_cases.mjs pushed` runs one further case of what apps do with aws-amplify v6; see `cases`. */
import './websocket.mjs';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ask, watch } from './amplify_v6.mjs';
import { claimsOf, me } from './environment.mjs';
import { Events } from './events.mjs';
import { operations } from './operations.mjs';
import { offer } from './scenario.mjs';

let sockets = 0;
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets += 1;
  }
};

const { API_KEY, EXPIRED_TOKEN, PROVIDER_TOKEN } = process.env;
const MANY = 100;
const RESPOND = /* GraphQL */ `
  mutation Respond($input: UpdateProviderResponseInput!) {
    updateProviderResponse(input: $input) {
      id
      status
    }
  }
`;

/** Amplify's options for an operation as another member. */
const as = (token) => ({ authMode: 'lambda', authToken: token });
const withKey = { authMode: 'apiKey', apiKey: API_KEY };

const watchServices = (events, options) => watch(operations.OnCreateService, { userId: me }, events, options);
const listServices = (options) => ask(operations.ListServices, {}, options);

/** Return the first of the errors that Amplify throws. */
async function errorOf(refused) {
  try {
    await refused;
  } catch ({ errors }) {
    return errors[0];
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

/** A caller without a token gets a 401, upon which Amplify signs in again, and no socket. */
async function assertUnauthenticated(options, reason) {
  const { message, originalError } = await errorOf(listServices(options));
  assert.equal(message, 'Unauthorized');
  assert.equal(originalError.name, 'UnauthorizedException');
  assert.equal(originalError.message, reason);
  const refused = await errorOf(watchServices(new Events(), options));
  assert.equal(refused.message, 'Connection failed: UnauthorizedException');
}

/** Every subscriber receives a new service. */
async function assertTold(...watching) {
  const input = offer();
  await ask(operations.CreateService, { input });
  const fits = ({ onCreateService }) => onCreateService.id === input.id;
  const events = await Promise.all(watching.map((events) => events.find(fits)));
  assert.ok(events.every(Boolean));
}

const cases = {
  /** Statuses that a workflow and another member have written reach the subscriber. */
  async pushed() {
    const provider = claimsOf(PROVIDER_TOKEN).sub;
    const service = offer({ userId: provider });
    await ask(operations.CreateService, { input: service }, as(PROVIDER_TOKEN));

    const events = new Events();
    const status = (wanted) => ({ onUpdateServiceRequest: row }) => row.id === input.id && row.status === wanted;
    const input = {
      id: randomUUID(),
      serviceId: service.id,
      requesterId: me,
      providerId: provider,
      status: 'INITIATED',
      estimatedHours: 1,
      negotiationRound: 0,
    };
    await watch(operations.OnUpdateServiceRequest, { requesterId: me }, events);
    await ask(operations.CreateServiceRequest, { input });
    assert.ok(await events.find(status('AWAITING_RESPONSE')));
    await ask(RESPOND, { input: { requestId: input.id, response: 'ACCEPTED' } }, as(PROVIDER_TOKEN));
    assert.ok(await events.find(status('ACCEPTED')));
  },

  /** An expired token is a 401, which Amplify distinguishes from other failures. */
  async expired() {
    await assertUnauthenticated(as(EXPIRED_TOKEN), 'Token expired');
  },

  /** A key that the server does not know is a 401, and opens no socket. */
  async unknownKey() {
    await assertUnauthenticated(withKey, 'You are not authorized to make this call.');
  },

  /** A key that the server knows may read no member's rows, and the socket's other subscriptions go on. */
  async listedKey() {
    const events = new Events();
    await watchServices(events);
    const { errorType, message } = await errorOf(listServices(withKey));
    assert.equal(errorType, 'Unauthorized');
    assert.equal(message, 'Not Authorized to access listServices on type Query');
    const refused = await errorOf(watchServices(new Events(), withKey));
    assert.match(refused.message, /NotAuthorizedForField.*onCreateService/);
    await assertTold(events);
  },

  /** A socket takes a hundred subscriptions; one more is refused, and the hundred go on. */
  async hundred() {
    const all = Array.from({ length: MANY }, () => new Events());
    await Promise.all(all.map((events) => watchServices(events)));
    const { message } = await errorOf(watchServices(new Events()));
    assert.match(message, /MaxSubscriptionsReachedError/);
    await assertTold(...all);
    assert.equal(sockets, 1);
  },
};

await cases[process.argv[2]]();
process.exit(0); // Amplify's timers would keep it running for another fifteen seconds
