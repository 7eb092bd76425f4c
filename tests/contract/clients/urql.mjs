/** urql: queries and mutations over HTTP, subscriptions over graphql-ws. */
import { createClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { environment } from './environment.mjs';
import { socket } from './socket.mjs';

const client = createClient({
  url: environment.graphql,
  preferGetMethod: false, // the server executes POST only: any page could make a browser GET
  fetchOptions: () => ({ headers: { authorization: environment.token } }),
  exchanges: [
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    }),
    fetchExchange,
  ],
});

/** Run a query or a mutation. */
export async function ask(text, variables) {
  const operation = text.startsWith('mutation') ? client.mutation : client.query;
  const { data, error } = await operation.call(client, text, variables).toPromise();
  if (error) throw error;
  return data;
}

/** Subscribe. */
export async function watch(text, variables, { next, error }) {
  const { unsubscribe } = client
    .subscription(text, variables)
    .subscribe((result) => (result.error ? error(result.error) : next(result.data)));
  return unsubscribe;
}

/** Close the socket. */
export async function close() {
  await socket.dispose();
}
