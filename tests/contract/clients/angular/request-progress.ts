import { DatePipe } from '@angular/common';
import { Component, inject, input } from '@angular/core';
import { toObservable, toSignal } from '@angular/core/rxjs-interop';
import { switchMap } from 'rxjs';
import { ServiceRequests } from './service-requests';

@Component({
  selector: 'app-request-progress',
  imports: [DatePipe],
  template: `
    @if (progress(); as now) {
      <progress max="100" [value]="now.percentComplete"></progress>
      <ol>
        @for (step of now.steps; track step.name) {
          <li [class]="step.state">
            {{ step.title }}
            @if (step.at) {
              <time>{{ step.at | date: 'short' }}</time>
            }
          </li>
        }
      </ol>
      @if (now.deadline) {
        <p>Waits until {{ now.deadline | date: 'short' }}.</p>
      }
    }
  `,
})
export class RequestProgress {
  private readonly requests = inject(ServiceRequests);

  readonly requestId = input.required<string>();
  readonly progress = toSignal(toObservable(this.requestId).pipe(switchMap((id) => this.requests.progress(id))));
}
