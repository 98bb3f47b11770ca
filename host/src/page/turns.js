// Four techniques hold a connection and two connections are theirs: they take turns.

import { connections, pause } from './connections.js';

const SLOTS = 2;
/** Every so often the one that has held longest makes room for the one that has waited longest. */
const STEP = 4000;

export class Turns {
  /** `sessions` as in transports.js; `readers` by name, in the order of their first turns. */
  constructor(readers, sessions, settings) {
    this.readers = readers;
    this.sessions = sessions;
    this.settings = settings;
    this.queue = [...readers.keys()];
    this.held = new Map(); // name -> { stop, done }, oldest first
    this.pinned = [];
    this.work = Promise.resolve();
    this.awake = false;
  }

  /** Takes the connections up, from each cursor. */
  wake() {
    this.awake = true;
    this.#after(() => {
      while (this.awake && this.held.size < SLOTS) this.#admit(this.queue[0]);
    });
    this.timer ??= setInterval(() => this.rotate(), STEP);
  }

  /** Gives all connections back. */
  sleep() {
    this.awake = false;
    clearInterval(this.timer);
    this.timer = undefined;
    this.#after(() => Promise.all([...this.held.keys()].map((name) => this.#dismiss(name, true))));
  }

  /** The next in the queue has its turn, or `name` if it is given. */
  rotate(name) {
    return this.#after(async () => {
      const next = name ?? this.queue[0];
      if (!this.awake || !next || this.held.has(next)) return;
      const holding = [...this.held.keys()];
      const free = holding.filter((held) => !this.pinned.includes(held) && this.readers.get(held).state !== 'broken');
      const leaving = free[0] ?? (name && holding[0]);
      if (this.held.size >= SLOTS) {
        if (!leaving) return;
        await this.#dismiss(leaving);
      }
      this.#admit(next);
    });
  }

  /** Keeps `name` in its place, or lets it take turns again; of three pins the oldest goes. */
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
    const controller = new AbortController();
    this.held.set(name, { stop: () => controller.abort(), done: this.#hold(name, controller.signal) });
  }

  async #dismiss(name, first = false) {
    const { stop, done } = this.held.get(name);
    stop();
    await done;
    this.held.delete(name);
    if (first) this.queue.unshift(name);
    else this.queue.push(name);
  }

  /** A session after another until the turn is over, further apart the more of them fail. */
  async #hold(name, signal) {
    const reader = this.readers.get(name);
    for (let wait = 100; !signal.aborted;) {
      connections.take();
      await this.sessions[name](reader, signal, this.settings).catch(() => {});
      connections.release();
      if (signal.aborted) break;
      wait = reader.state === 'open' ? 200 : Math.min(wait * 2, 8000);
      reader.broke();
      await pause(wait * (1 + Math.random() / 2), signal);
    }
    reader.rest();
  }
}
