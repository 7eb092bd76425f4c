/** aws-amplify v5: as v6, with its older hand-shake. */
import '../websocket.mjs';
import { API, Hub } from 'aws-amplify';
import { environment } from '../environment.mjs';

// region: configuration
import { Amplify, Cache } from 'aws-amplify';

Amplify.configure({
  aws_appsync_graphqlEndpoint: environment.graphql,
  aws_appsync_authenticationType: 'OPENID_CONNECT',
});
Cache.setItem('federatedInfo', { token: environment.token });
// endregion

/** Run a query or a mutation. */
export async function ask(query, variables) {
  const { data } = await API.graphql({ query, variables });
  return data;
}

/** Subscribe, and wait until the server says that it listens. */
export async function watch(query, variables, { next, error }) {
  const subscription = API.graphql({ query, variables }).subscribe({ next: ({ value }) => next(value.data), error });
  await new Promise((resolve) => {
    Hub.listen('api', ({ payload }) => payload.event === 'Subscription ack' && resolve());
  });
  return () => subscription.unsubscribe();
}
