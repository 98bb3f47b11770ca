// This tab's share of the browser's six connections: two long-lived ones (turns.js) and one for short requests.

export const connections = {
  used: 0,
  peak: 0,
  take() {
    this.used += 1;
    this.peak = Math.max(this.peak, this.used);
  },
  release() {
    this.used -= 1;
  },
};

/** Short requests, one after another: never more than one connection. */
export class Lane {
  #last = Promise.resolve();
  waiting = 0;

  /** Runs `request` after the earlier ones; settles with its result. */
  run(request) {
    this.waiting += 1;
    const turn = this.#last.then(async () => {
      connections.take();
      try {
        return await request();
      } finally {
        this.waiting -= 1;
        connections.release();
      }
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}

/** Resolves after `ms`, or at once when `signal` is aborted. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
