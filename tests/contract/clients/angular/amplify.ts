import { Amplify } from 'aws-amplify';
import { decodeJWT } from 'aws-amplify/auth';
import { environment } from './environment';

Amplify.configure(
  { API: { GraphQL: { endpoint: environment.graphql, defaultAuthMode: 'userPool' } } },
  { Auth: { tokenProvider: { getTokens: async () => ({ accessToken: decodeJWT(environment.token) }) } } },
);
