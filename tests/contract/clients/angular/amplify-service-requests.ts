import { Injectable } from '@angular/core';
import { type GraphQLQuery, type GraphQLSubscription, generateClient } from 'aws-amplify/api';
import { from, map } from 'rxjs';
import { ASK, type Asked, PROGRESS, type Progressed, ServiceRequests } from './service-requests';

@Injectable()
export class AmplifyServiceRequests extends ServiceRequests {
  private readonly client = generateClient();

  ask(input: object) {
    const answer = this.client.graphql<GraphQLQuery<Asked>>({ query: ASK, variables: { input } });
    return from(answer).pipe(map(({ data }) => data.createServiceRequest.id));
  }

  progress(requestId: string) {
    return this.client
      .graphql<GraphQLSubscription<Progressed>>({ query: PROGRESS, variables: { requestId } })
      .pipe(map(({ data }) => data.onServiceRequestProgress));
  }
}
