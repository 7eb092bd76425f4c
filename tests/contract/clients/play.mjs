/**
 * `node play.mjs ./apollo.mjs` plays the story with that client. With `restart` or `expiry` behind it a subscription
 * goes on after that; what others must do for it, a line of output asks for, and a line of input answers.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { claimsOf, environment } from './environment.mjs';
import { outlive, play } from './story.mjs';

async function asked(question) {
  console.log(`? ${question}`);
  const [answer] = await once(process.stdin, 'data');
  return String(answer).trim();
}

const plays = {
  story: play,
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

const [, , path, name = 'story'] = process.argv;
const client = await import(path);
await plays[name](client);
await client.close?.();
process.exit(0); // Amplify's timers would hold it for another fifteen seconds
