/** What differs between builds; the test's page is told by its address. */
export const environment: { graphql: string; token: string; client: 'amplify' | 'apollo'; createInput: object } =
  JSON.parse(decodeURIComponent(location.hash.slice(1)));
