import { Injectable, inject } from '@angular/core';
import { Apollo, gql } from 'apollo-angular';
import { map } from 'rxjs';
import { ASK, type Asked, PROGRESS, type Progressed, ServiceRequests } from './service-requests';

@Injectable()
export class ApolloServiceRequests extends ServiceRequests {
  private readonly apollo = inject(Apollo);

  ask(input: object) {
    return this.apollo
      .mutate<Asked>({ mutation: gql(ASK), variables: { input } })
      .pipe(map(({ data }) => data!.createServiceRequest.id));
  }

  progress(requestId: string) {
    return this.apollo
      .subscribe<Progressed>({ query: gql(PROGRESS), variables: { requestId } })
      .pipe(map(({ data }) => data!.onServiceRequestProgress));
  }
}
