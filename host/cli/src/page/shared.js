// One connection for all tabs that show the page: a line beside the measurements, and counted in none of them.

import { subscribe } from '../goldcrest-shared.js';
import { base } from './base.js';

// Not this tab's name, under which the table's figures are counted: all tabs must ask for the same to share it.
const path = `${base}events/demo?page=alltabs`;

/** Shows in `node` what the connection of all tabs heard last. */
export class Shared {
  #handle;
  #node;
  #last;

  constructor(node) {
    this.#node = node;
  }

  /** Joins the other tabs, from now on. */
  wake() {
    // A WebSocket alone: whatever else is held, or asked for, would be among the six.
    this.#handle ??= subscribe(path, {
      transports: ['websocket'],
      onEvent: ({ id }) => (this.#last = id.slice(id.lastIndexOf('-') + 1)),
    });
  }

  /** Leaves it to the others. */
  sleep() {
    this.#handle?.close();
    this.#handle = undefined;
  }

  /** Says it; called with everything else that the page shows. */
  render() {
    const said = this.state().state !== 'open' ? 'connecting' : this.#last ? `event ${Number(this.#last).toLocaleString('en')}` : 'waiting for an event';
    if (this.#node.textContent !== said) this.#node.textContent = said;
  }

  state() {
    return { state: this.#handle?.state ?? 'closed', transport: this.#handle?.transport, last: this.#last };
  }
}
