// The server's own API: queries over HTTP, subscriptions over one socket by graphql-transport-ws, as apps have them.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
// Close codes after which the same token is not sent again.
const REFUSALS = new Set([4401, 4403]);

export class Refused extends Error {}

export class Api {
  #token;
  #socket = null;
  #isReady = false;
  #isClosed = false;
  #pause = FIRST_PAUSE;
  #nextId = 1;
  #subscriptions = new Map();

  // `onState` is told "connecting", "live", "lost" or "refused"; `onLive` is called whenever a socket begins to live.
  constructor(token, { onState, onLive }) {
    this.#token = token;
    this.onState = onState;
    this.onLive = onLive;
  }

  // Data that comes with errors is returned: what a caller may not see is null.
  async query(query, variables = {}) {
    const answer = await fetch('/graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: this.#token },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await answer.json();
    if (!data) throw new Refused(errors?.[0]?.message ?? `the server answers ${answer.status}`);
    return data;
  }

  connect() {
    this.onState('connecting');
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/graphql`, 'graphql-transport-ws');
    this.#socket = socket;
    socket.onopen = () => this.#send({ type: 'connection_init', payload: { Authorization: this.#token } });
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code }) => this.#lost(code);
  }

  close() {
    this.#isClosed = true;
    this.#socket?.close(1000);
  }

  // Returns a function that ends the subscription; a socket that is lost and comes again subscribes again.
  subscribe(query, variables, onData) {
    const id = String(this.#nextId++);
    this.#subscriptions.set(id, { query, variables, onData });
    if (this.#isReady) this.#begin(id);
    return () => {
      if (this.#subscriptions.delete(id) && this.#isReady) this.#send({ id, type: 'complete' });
    };
  }

  #begin(id) {
    const { query, variables } = this.#subscriptions.get(id);
    this.#send({ id, type: 'subscribe', payload: { query, variables } });
  }

  #take(message) {
    switch (message.type) {
      case 'connection_ack':
        this.#isReady = true;
        this.#pause = FIRST_PAUSE;
        for (const id of this.#subscriptions.keys()) this.#begin(id);
        this.onState('live');
        this.onLive();
        break;
      case 'ping':
        this.#send({ type: 'pong' });
        break;
      case 'next':
        if (message.payload.data) this.#subscriptions.get(message.id)?.onData(message.payload.data);
        break;
      case 'error':
      case 'complete':
        this.#subscriptions.delete(message.id);
        break;
    }
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #lost(code) {
    this.#isReady = false;
    if (this.#isClosed) return;
    if (REFUSALS.has(code)) {
      this.onState('refused');
      return;
    }
    this.onState('lost');
    setTimeout(() => this.#isClosed || this.connect(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }
}
