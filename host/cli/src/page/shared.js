// One connection for all tabs with this page; it is not part of the measurements.

import { subscribe } from '../goldcrest-shared.js';
import { base } from './base.js';

// Not this tab's name, under which the server counts for the table: tabs share a connection only for the same URL.
const path = `${base}events/demo?page=alltabs`;

/** Shows in `node` the last event of the shared connection. */
export class Shared {
  #handle;
  #node;
  #last;

  constructor(node) {
    this.#node = node;
  }

  /** Subscribes, beginning with the next event. */
  wake() {
    // WebSocket only: the other transports would use one of the browser's six connections.
    this.#handle ??= subscribe(path, {
      transports: ['websocket'],
      onEvent: ({ id }) => (this.#last = id.slice(id.lastIndexOf('-') + 1)),
    });
  }

  /** Unsubscribes this tab. */
  sleep() {
    this.#handle?.close();
    this.#handle = undefined;
  }

  /** Updates the text; called with the rest of the page. */
  render() {
    const text = this.state().state !== 'open' ? 'connecting' : this.#last ? `event ${Number(this.#last).toLocaleString('en')}` : 'waiting for an event';
    if (this.#node.textContent !== text) this.#node.textContent = text;
  }

  state() {
    return { state: this.#handle?.state ?? 'closed', transport: this.#handle?.transport, last: this.#last };
  }
}
