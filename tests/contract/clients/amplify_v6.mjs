/** aws-amplify v6: queries and mutations over HTTP, subscriptions over AppSync's own protocol. */
import './websocket.mjs';
import { Amplify } from 'aws-amplify';
import { generateClient } from 'aws-amplify/api';
import { decodeJWT } from 'aws-amplify/auth';
import { Hub } from 'aws-amplify/utils';
import { environment } from './environment.mjs';

Amplify.configure(
  { API: { GraphQL: { endpoint: environment.graphql, defaultAuthMode: 'userPool' } } },
  { Auth: { tokenProvider: { getTokens: async () => ({ accessToken: decodeJWT(environment.token) }) } } },
);
const client = generateClient();

/** Run a query or a mutation; `options` are Amplify's, such as `authMode`. */
export async function ask(query, variables, options = {}) {
  const { data } = await client.graphql({ query, variables, ...options });
  return data;
}

const starting = [];
Hub.listen('api', ({ payload }) => payload.event === 'Subscription ack' && starting.shift()?.());

/** Subscribe, and wait until the server acknowledges or refuses it. */
export async function watch(query, variables, observer, options = {}) {
  return new Promise((resolve, reject) => {
    const subscription = client.graphql({ query, variables, ...options }).subscribe({
      next: ({ data }) => observer.next(data),
      error(failure) {
        observer.error(failure);
        reject(failure);
      },
    });
    starting.push(() => resolve(() => subscription.unsubscribe()));
  });
}
