import type { Observable } from 'rxjs';

/** What the page does with service requests, whatever client it does it with. */
export abstract class ServiceRequests {
  /** Ask for a service; gives the request's id. */
  abstract ask(input: object): Observable<string>;

  /** How far a request has come: now, and at every step from here on. */
  abstract progress(requestId: string): Observable<Progress>;
}

export interface Progress {
  status: string;
  percentComplete: number;
  deadline: string | null;
  steps: { name: string; title: string; state: 'DONE' | 'CURRENT' | 'TO_COME'; at: string | null }[];
}

export const ASK = /* GraphQL */ `
  mutation Ask($input: CreateServiceRequestInput!) {
    createServiceRequest(input: $input) {
      id
    }
  }
`;

export interface Asked {
  createServiceRequest: { id: string };
}

export const PROGRESS = /* GraphQL */ `
  subscription Progress($requestId: ID!) {
    onServiceRequestProgress(requestId: $requestId) {
      status
      percentComplete
      deadline
      steps {
        name
        title
        state
        at
      }
    }
  }
`;

export interface Progressed {
  onServiceRequestProgress: Progress;
}
