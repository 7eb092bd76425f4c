/** The graphql-transport-ws socket of all clients but Amplify's. */
import './websocket.mjs';
import { createClient } from 'graphql-ws';
import { environment } from './environment.mjs';

export const socket = createClient({
  url: environment.graphql.replace(/^http/i, 'ws'),
  connectionParams: () => ({ Authorization: environment.token }),
  retryAttempts: Infinity,
  retryWait: () => new Promise((again) => setTimeout(again, 1000 + 2000 * Math.random())),
  shouldRetry: () => true, // also while nobody listens there
});
