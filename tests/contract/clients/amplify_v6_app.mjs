/**
 * `node amplify_v6_app.mjs` uses another app with aws-amplify v6 as its pages do: it subscribes, creates a row, hears
 * of it, finds it, and removes it. STORY has the operations and the input.
 */
import assert from 'node:assert/strict';
import { ask, watch } from './amplify_v6.mjs';
import { Events } from './events.mjs';

const { onCreate, create, get, remove, input, key } = JSON.parse(process.env.STORY);
const same = (row) => Object.entries(key).every(([name, value]) => row[name] === value);
const only = (data) => Object.values(data)[0];

const events = new Events();
const stop = await watch(onCreate, {}, events);
const created = only(await ask(create, { input }));
assert.ok(same(created));
assert.ok(same(only(await events.find((event) => same(only(event))))));
assert.ok(same(only(await ask(get, key))));
assert.ok(same(only(await ask(remove, { input: key }))));
assert.equal(only(await ask(get, key)), null);
stop();
process.exit(0); // Amplify's timers would hold it for another fifteen seconds
