// Four transports hold a connection and share two connections by turns.

import { connections } from './connections.js';
import { listen } from './transports.js';

const SLOTS = 2;
/** The interval, in ms, at which the transport connected longest is replaced by the one waiting longest. */
const STEP = 4000;

export class Turns {
  /** `readers` by name, in the order of their first turns. */
  constructor(readers, settings) {
    this.readers = readers;
    this.settings = settings;
    this.queue = [...readers.keys()];
    this.held = new Map(); // name -> its subscription, oldest first
    this.pinned = [];
    this.work = Promise.resolve();
    this.awake = false;
  }

  /** Opens the connections, from each cursor on. */
  wake() {
    this.awake = true;
    this.#after(() => {
      while (this.awake && this.held.size < SLOTS) this.#admit(this.queue[0]);
    });
    this.timer ??= setInterval(() => this.rotate(), STEP);
  }

  /** Closes all connections. */
  sleep() {
    this.awake = false;
    clearInterval(this.timer);
    this.timer = undefined;
    this.#after(() => [...this.held.keys()].forEach((name) => this.#dismiss(name, true)));
  }

  /** Starts the turn of the next transport in the queue, or of `name`. */
  rotate(name) {
    return this.#after(() => {
      const next = name ?? this.queue[0];
      if (!this.awake || !next || this.held.has(next)) return;
      const holding = [...this.held.keys()];
      const free = holding.filter((held) => !this.pinned.includes(held) && this.readers.get(held).state !== 'broken');
      const leaving = free[0] ?? (name && holding[0]);
      if (this.held.size >= SLOTS) {
        if (!leaving) return;
        this.#dismiss(leaving);
      }
      this.#admit(next);
    });
  }

  /** Pins `name`, so that it stays connected, or unpins it; a third pin removes the oldest. */
  pin(name) {
    if (this.pinned.includes(name)) {
      this.pinned = this.pinned.filter((pin) => pin !== name);
      return;
    }
    this.pinned = [...this.pinned, name].slice(-SLOTS);
    this.rotate(name);
  }

  #after(step) {
    this.work = this.work.then(step);
    return this.work;
  }

  #admit(name) {
    this.queue = this.queue.filter((other) => other !== name);
    connections.take();
    this.held.set(name, listen(this.readers.get(name), this.settings));
  }

  #dismiss(name, first = false) {
    this.held.get(name).close();
    this.held.delete(name);
    connections.release();
    this.readers.get(name).rest();
    if (first) this.queue.unshift(name);
    else this.queue.push(name);
  }
}
