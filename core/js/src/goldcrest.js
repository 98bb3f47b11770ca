// A subscription: one cursor, and the best transport that works. The choice is made here, transports.js has the transports.

import { failure, LONGEST, refused } from './failure.js';
import { isAfter } from './ids.js';
import { object, read } from './lines.js';
import { outbox } from './outbox.js';
import { techniques } from './transports.js';

/** Statuses that close the subscription: neither a repetition nor another transport would change them. */
const FINAL = [204, 401, 403, 404, 410];

/** Subscribes to a channel; goldcrest.d.ts documents the arguments and the result. */
export function subscribe(url, options = {}) {
  const { pollInterval = 3e3, wait = 25, patience = 5e3, idleTimeout = 4e4, retryBetterAfter = 1e4 } = options;
  const { fetch: request = fetch, WebSocket: Socket = globalThis.WebSocket, transports = Object.keys(techniques) } = options;
  let { after: cursor = 'newest', retry = 1e3 } = options;
  const href = new URL(url, globalThis.location).href.replace(/^ws/, 'http').replace(/#.*/, '');
  const query = href + (href.includes('?') ? '&' : '?');
  const ranking = transports.filter((name) => {
    if (!techniques[name]) throw TypeError(`no transport ${name}`);
    return name !== 'websocket' || Socket;
  });

  let rank = 0;
  let state;
  let current; // the attempt that works
  const attempts = new Set(); // it, and one that tries to take over
  const naps = new Set(); // a function for each wait, which ends it
  const over = new AbortController();
  let fails = 0; // in a row
  let breaks = 0; // in a row on this transport, before anything was received
  let retries = 1; // of better transports, in a row, this one included: the factor of their delay
  let better; // the timer of the next retry

  // Async: an error thrown by a callback is an unhandled rejection and does not stop the stream.
  async function call(name, argument) {
    options[name]?.(argument);
  }

  function set(next, error) {
    state = next;
    call('onState', { state, transport: ranking[rank], error });
  }

  /** Resolves after `ms`, or earlier by `wake`; if `fixed`, not by a browser event. */
  const nap = (ms, fixed) => new Promise((resolve) => {
    const rouse = (event) => {
      if (event && fixed) return;
      clearTimeout(timer);
      naps.delete(rouse);
      resolve();
    };
    const timer = setTimeout(rouse, ms);
    naps.add(rouse);
  });

  /** The delay before the next attempt: the one that the server requested, else exponential; with jitter. */
  const backOff = (tries, requested) =>
    nap((requested || Math.min(retry * 2 ** tries, LONGEST)) * (1 + Math.random() / 2), requested);

  const { publish, ...out } = outbox(query, request, () => current?.socket, backOff);

  // ---- one attempt of one transport

  function start(at) {
    const controller = new AbortController();
    const { signal } = controller;
    let from;
    let timer;
    // Without an error no other attempt follows.
    const cut = (error) => {
      controller.abort(error);
      attempt.socket?.close();
      clearTimeout(timer);
      if (attempts.delete(attempt) && error) ended(attempt, at, error);
    };
    const attempt = {
      cut,
      wait,
      Socket,
      answered: out.answered,
      pause() {
        clearTimeout(timer); // of the request before it
        return nap(pollInterval);
      },
      told: (ms) => (retry = ms || retry),
      watch(seconds) {
        clearTimeout(timer);
        const calm = seconds === undefined;
        const late = () => (calm && attempt.probe ? attempt.probe() : cut(failure('silent', { silent: 1 })));
        if (!signal.aborted) timer = setTimeout(late, calm ? idleTimeout : patience + seconds * 1e3);
      },
      address(transport) {
        from = cursor;
        return `${query}transport=${transport}&after=${encodeURIComponent(cursor)}`;
      },
      async ask(transport, seconds = 0) {
        attempt.watch(seconds);
        const response = await request(attempt.address(transport), { signal, cache: 'no-store' });
        if (response.status !== 200) throw refused(response);
        return response;
      },
      async pin(id) {
        if (cursor === 'newest') cursor = id ?? object(await read(await attempt.ask('poll'))).after;
      },
      live() {
        if (attempt === current || signal.aborted) return;
        current?.cut();
        current = attempt;
        rank = at;
        if (at) retryBetterLater();
        else retries = 1;
        set('open');
        out.pump();
      },
      take({ id, type, data, encoding, gap, after }) {
        if (attempt !== current) return;
        if (gap) {
          // A gap is relative to the cursor of this request; another attempt may have read past it since.
          if (cursor === from || isAfter(after, cursor)) {
            cursor = after;
            call('onGap', { missed: gap.missed, after });
          }
        } else if (id && attempt.place(id)) {
          call('onEvent', { id, type, data: encoding ? Uint8Array.from(atob(data), (char) => char.charCodeAt()) : data });
        }
      },
      place(id) {
        attempt.heard = 1;
        return attempt === current && isAfter(id, cursor) && (cursor = id);
      },
    };
    attempts.add(attempt);
    if (!current) {
      rank = at;
      set('connecting');
    }
    techniques[ranking[at]](attempt).then((delay) => cut(failure('ended', { delay })), cut);
  }

  // ---- fallback, and retry of better transports

  async function ended(attempt, at, error) {
    const worked = current === attempt;
    // A proxy that buffers an endless body of SSE buffers that of a stream too.
    const below = error.silent && ranking[at + 1] === 'stream' ? at + 2 : at + 1;
    if (current && !worked) {
      // A retry of a better transport failed.
      if (below < rank) start(below);
      else {
        retries += 1;
        retryBetterLater();
      }
      return;
    }
    current = undefined;
    attempts.forEach((other) => other.cut());
    out.pump();
    if (FINAL.includes(error.status)) return close(error);
    if (attempt.heard) fails = breaks = 0;
    // Falls back from a transport that never worked or disconnects repeatedly; not if the server is overloaded.
    if (!error.delay && (!worked || (!attempt.heard && breaks++))) {
      breaks = 0;
      rank = ranking[below] ? below : 0;
      // fetch throws a TypeError if no server is reachable: better transports are then retried without a delay.
      if (error instanceof TypeError) retries = 0;
      else if (rank) return start(rank);
    }
    set('waiting', error);
    await backOff(fails++, error.delay);
    if (state === 'waiting') start(rank);
  }

  function retryBetterLater() {
    better ??= setTimeout(() => {
      better = undefined;
      if (current && rank) start(0);
    }, retryBetterAfter * retries);
  }

  /** The network or the visibility has changed: ends all waits and probes the connection. */
  function wake(event) {
    naps.forEach((rouse) => rouse(event));
    current?.probe?.();
  }

  function close(error) {
    if (state === 'closed') return;
    over.abort();
    current = undefined;
    clearTimeout(better);
    attempts.forEach((other) => other.cut());
    wake();
    out.close(error ?? failure('closed'));
    set('closed', error);
  }

  // `over` as options: its `signal` removes the listeners.
  for (const kind of ['online', 'visibilitychange']) globalThis.addEventListener?.(kind, wake, over);
  if (ranking[0]) start(0);
  else close(failure(`no transport ${transports}`));
  return {
    publish,
    close: () => close(),
    get bufferedAmount() { return out.size(); },
    get cursor() { return cursor; },
    get state() { return state; },
    get transport() { return ranking[rank]; },
  };
}
