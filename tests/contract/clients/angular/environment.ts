/** What differs between builds; the test passes it in the page's address. */
export const environment: { graphql: string; token: string; client: 'amplify' | 'apollo'; createInput: object } =
  JSON.parse(decodeURIComponent(location.hash.slice(1)));
