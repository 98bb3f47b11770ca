// A subscription: one cursor, and the best transport that works. The ladder is here; each rung is in transports.js.

import { failure, LONGEST, refused } from './failure.js';
import { isAfter } from './ids.js';
import { object, read } from './lines.js';
import { outbox } from './outbox.js';
import { techniques } from './transports.js';

/** Answers that no repetition and no other transport would change. */
const FINAL = [204, 401, 403, 404, 410];

/** Subscribes to a channel; goldcrest.d.ts tells what it takes and returns. */
export function subscribe(url, options = {}) {
  const { pollInterval = 3e3, wait = 25, patience = 5e3, silence = 4e4, climb = 1e4 } = options;
  const { fetch: request = fetch, WebSocket: Socket = globalThis.WebSocket, transports = Object.keys(techniques) } = options;
  let { after: cursor = 'newest', retry = 1e3 } = options;
  const href = new URL(url, globalThis.location).href.replace(/^ws/, 'http').replace(/#.*/, '');
  const query = href + (href.includes('?') ? '&' : '?');
  const ladder = transports.filter((name) => {
    if (!techniques[name]) throw TypeError(`no transport ${name}`);
    return name !== 'websocket' || Socket;
  });

  let rung = 0;
  let state;
  let current; // the attempt that works
  const attempts = new Set(); // it, and one that tries to take over
  const naps = new Set(); // what ends each wait
  const over = new AbortController();
  let fails = 0; // in a row
  let breaks = 0; // in a row on this rung, before anything was heard
  let climbs = 1; // those that failed in a row, and this one: each waits as much longer
  let climber;

  // What theirs throws is a rejection that nobody handles: it does not stop the stream.
  async function call(name, said) {
    options[name]?.(said);
  }

  function set(next, error) {
    state = next;
    call('onState', { state, transport: ladder[rung], error });
  }

  /** Resolves after `ms`, or when it is roused: by an event only if it is not deaf. */
  const nap = (ms, deaf) => new Promise((resolve) => {
    const rouse = (event) => {
      if (event && deaf) return;
      clearTimeout(timer);
      naps.delete(rouse);
      resolve();
    };
    const timer = setTimeout(rouse, ms);
    naps.add(rouse);
  });

  /** Before the next try: what the server asked for, else further apart each time; never all clients at once. */
  const backOff = (tries, told) =>
    nap((told || Math.min(retry * 2 ** tries, LONGEST)) * (1 + Math.random() / 2), told);

  const { publish, ...out } = outbox(query, request, () => current?.socket, backOff);

  // ---- one attempt of one transport

  function start(at) {
    const controller = new AbortController();
    const { signal } = controller;
    let from;
    let timer;
    // Without an error nothing follows.
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
        if (!signal.aborted) timer = setTimeout(late, calm ? silence : patience + seconds * 1e3);
      },
      address(transport) {
        from = cursor;
        return `${query}transport=${transport}&after=${encodeURIComponent(cursor)}`;
      },
      async ask(transport, seconds = 0) {
        attempt.watch(seconds);
        const answer = await request(attempt.address(transport), { signal, cache: 'no-store' });
        if (answer.status !== 200) throw refused(answer);
        return answer;
      },
      async pin(id) {
        if (cursor === 'newest') cursor = id ?? object(await read(await attempt.ask('poll'))).after;
      },
      live() {
        if (attempt === current || signal.aborted) return;
        current?.cut();
        current = attempt;
        rung = at;
        if (at) climbLater();
        else climbs = 1;
        set('open');
        out.pump();
      },
      take({ id, type, data, encoding, gap, after }) {
        if (attempt !== current) return;
        if (gap) {
          // It tells of where this attempt began. Another may have gone on from there meanwhile.
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
      rung = at;
      set('connecting');
    }
    techniques[ladder[at]](attempt).then((delay) => cut(failure('ended', { delay })), cut);
  }

  // ---- the ladder

  async function ended(attempt, at, error) {
    const worked = current === attempt;
    // What holds back one kind of endless body holds back the other.
    const below = error.silent && ladder[at + 1] === 'stream' ? at + 2 : at + 1;
    if (current && !worked) {
      // It was to take over.
      if (below < rung) start(below);
      else {
        climbs += 1;
        climbLater();
      }
      return;
    }
    current = undefined;
    attempts.forEach((other) => other.cut());
    out.pump();
    if (FINAL.includes(error.status)) return close(error);
    if (attempt.heard) fails = breaks = 0;
    // A transport that never worked, or breaks again and again, is left; not because the server is full.
    if (!error.delay && (!worked || (!attempt.heard && breaks++))) {
      breaks = 0;
      rung = ladder[below] ? below : 0;
      // Nobody there is no fault of the transport: once somebody is, the higher ones are tried at once.
      if (error instanceof TypeError) climbs = 0;
      else if (rung) return start(rung);
    }
    set('waiting', error);
    await backOff(fails++, error.delay);
    if (state === 'waiting') start(rung);
  }

  function climbLater() {
    climber ??= setTimeout(() => {
      climber = undefined;
      if (current && rung) start(0);
    }, climb * climbs);
  }

  /** Something may have changed: wait no longer, and see whether the connection is still one. */
  function wake(event) {
    naps.forEach((rouse) => rouse(event));
    current?.probe?.();
  }

  function close(error) {
    if (state === 'closed') return;
    over.abort();
    current = undefined;
    clearTimeout(climber);
    attempts.forEach((other) => other.cut());
    wake();
    out.close(error ?? failure('closed'));
    set('closed', error);
  }

  // `over` is taken for its `signal`, which takes the listeners away.
  for (const kind of ['online', 'visibilitychange']) globalThis.addEventListener?.(kind, wake, over);
  if (ladder[0]) start(0);
  else close(failure(`no transport ${transports}`));
  return {
    publish,
    close: () => close(),
    get bufferedAmount() { return out.size(); },
    get cursor() { return cursor; },
    get state() { return state; },
    get transport() { return ladder[rung]; },
  };
}
