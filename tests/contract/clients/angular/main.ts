/** A page with a button to request a service, and the request's progress. */
import '@angular/compiler'; // links Angular's own packages in the page, which `ng build` would do beforehand
import { Component, inject, signal } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import './amplify';
import { AmplifyServiceRequests } from './amplify-service-requests';
import { apollo } from './apollo';
import { ApolloServiceRequests } from './apollo-service-requests';
import { environment } from './environment';
import { RequestProgress } from './request-progress';
import { ServiceRequests } from './service-requests';

@Component({
  selector: 'app-root',
  imports: [RequestProgress],
  template: `
    <button (click)="ask()">Ask</button>
    @if (requestId(); as id) {
      <app-request-progress [requestId]="id" />
    }
  `,
})
class Page {
  private readonly requests = inject(ServiceRequests);
  readonly requestId = signal<string | undefined>(undefined);

  ask() {
    this.requests.ask(environment.createInput).subscribe((id) => this.requestId.set(id));
  }
}

const made = { amplify: AmplifyServiceRequests, apollo: ApolloServiceRequests };

bootstrapApplication(Page, {
  providers: [...apollo, { provide: ServiceRequests, useClass: made[environment.client] }],
});
