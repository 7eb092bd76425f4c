/** Apollo Client: queries and mutations over HTTP, subscriptions over graphql-ws. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { environment } from './environment.mjs';
import { socket } from './socket.mjs';

const http = ApolloLink.from([
  new SetContextLink(() => ({ headers: { authorization: environment.token } })),
  new HttpLink({ uri: environment.graphql }),
]);
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    http,
  ),
});

/** Run a query or a mutation. */
export async function ask(text, variables) {
  const document = gql(text);
  const { data } = await (text.startsWith('mutation')
    ? client.mutate({ mutation: document, variables })
    : client.query({ query: document, variables, fetchPolicy: 'network-only' }));
  return data;
}

/** Subscribe. */
export async function watch(text, variables, { next, error }) {
  const subscription = client
    .subscribe({ query: gql(text), variables })
    .subscribe({ next: (result) => (result.error ? error(result.error) : next(result.data)), error });
  return () => subscription.unsubscribe();
}

/** Close the socket. */
export async function close() {
  client.stop();
  await socket.dispose();
}
