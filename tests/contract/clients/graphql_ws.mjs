/** graphql-ws: everything over one graphql-transport-ws socket. */
import { socket } from './socket.mjs';

/** Run a query or a mutation. */
export async function ask(query, variables) {
  for await (const { data, errors } of socket.iterate({ query, variables })) {
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }
}

/** Subscribe. */
export async function watch(query, variables, { next, error }) {
  return socket.subscribe({ query, variables }, { next: ({ data }) => next(data), error, complete() {} });
}

/** Close the socket. */
export async function close() {
  await socket.dispose();
}
