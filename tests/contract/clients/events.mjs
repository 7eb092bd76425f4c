/** The events of a subscription, and waiting for them. */
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

export const PATIENCE_MS = 30_000;

/** An observer that keeps every event, and lets others wait for one. */
export class Events {
  seen = [];
  #waiting = [];

  /** Receive an event. */
  next = (event) => {
    this.seen.push(event);
    this.#waiting.forEach((look) => look());
  };

  /** Receive the failure that ends the subscription. */
  error = (failure) => {
    this.failure = failure;
    this.#waiting.forEach((look) => look());
  };

  /** Return the first matching event, now or later; undefined if none comes within so many milliseconds. */
  async find(fits, within = PATIENCE_MS) {
    const found = new Promise((resolve, reject) => {
      const look = () => {
        if (this.failure) reject(new Error(`the subscription failed: ${inspect(this.failure)}`));
        else if (this.seen.some(fits)) resolve(this.seen.find(fits));
      };
      this.#waiting.push(look);
      look();
    });
    return Promise.race([found, delay(within, undefined, { ref: false })]);
  }
}
