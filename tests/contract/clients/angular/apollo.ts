import { provideHttpClient } from '@angular/common/http';
import { inject } from '@angular/core';
import { ApolloLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { provideApollo } from 'apollo-angular';
import { HttpLink } from 'apollo-angular/http';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { environment } from './environment';

export const apollo = [
  provideHttpClient(),
  provideApollo(() => {
    const token = new SetContextLink(() => ({ headers: { Authorization: environment.token } }));
    const http = inject(HttpLink).create({ uri: environment.graphql });
    const socket = createClient({
      url: environment.graphql.replace(/^http/i, 'ws'),
      connectionParams: () => ({ Authorization: environment.token }),
      retryAttempts: Infinity,
      retryWait: () => new Promise((again) => setTimeout(again, 1000 + 2000 * Math.random())),
      shouldRetry: () => true, // also while nobody listens there
    });
    return {
      cache: new InMemoryCache(),
      link: ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(socket),
        token.concat(http),
      ),
    };
  }),
];
