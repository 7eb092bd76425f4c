/**
 * `node run.mjs ./apollo.mjs` runs the usual scenario with that client. With `restart` or `expiry` as a further
 * argument, a subscription survives that; a line of output asks for what others must do, a line of input answers.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { claimsOf, environment } from './environment.mjs';
import { outlive, usual } from './scenario.mjs';

async function asked(question) {
  console.log(`? ${question}`);
  const [answer] = await once(process.stdin, 'data');
  return String(answer).trim();
}

const scenarios = {
  usual,
  restart: (client) => outlive(client, () => asked('restart')),
  async expiry(client) {
    const [lasting, short] = [environment.token, await asked('token')];
    environment.token = short;
    await outlive(client, () => {
      environment.token = lasting;
      return delay(claimsOf(short).exp * 1000 - Date.now());
    });
  },
};

const [, , path, name = 'usual'] = process.argv;
const client = await import(path);
await scenarios[name](client);
await client.close?.();
process.exit(0); // Amplify's timers would hold it for another fifteen seconds
