// What the tests of goldcrest.js share: the module as it is served, the server, and a subscription that is watched.

import { WebSocket } from 'ws';

import { subscribe } from '../../../core/js/goldcrest.js';

export { WebSocket, subscribe };
export const TRANSPORTS = ['websocket', 'sse', 'stream', 'longpoll', 'poll'];
export const base = process.env.GOLDCREST_URL;
if (!base) throw new Error('no GOLDCREST_URL: run tests/suites/js/run');

const PATIENCE = 20_000;
let channels = 0;

/** The name of a channel that nobody used. */
export const channel = (what = 'c') => `js-${what}-${process.pid}-${(channels += 1)}`;

/** Publishes straight to the server; resolves to the id. */
export async function publish(name, data = 'x', { type = '' } = {}) {
  const text = typeof data === 'string';
  const answer = await fetch(`${base}events/${name}?type=${type}`, { method: 'POST', body: data, headers: text ? { 'Content-Type': 'text/plain' } : {} });
  if (!answer.ok) throw new Error(`a publish was answered ${answer.status}`);
  return (await answer.json()).id;
}

/** The events that a channel holds after an id, in order. */
export async function stored(name, after = 'oldest') {
  const events = [];
  for (;;) {
    const answer = await (await fetch(`${base}events/${name}?after=${after}`)).json();
    events.push(...answer.events);
    if (!answer.events.length) return events;
    ({ after } = answer);
  }
}

/** Resolves once `reached()` is true. */
export async function until(reached, what = String(reached)) {
  for (const late = Date.now() + PATIENCE; !(await reached()); await new Promise((resolve) => setTimeout(resolve, 2))) {
    if (Date.now() > late) throw new Error(`not reached: ${typeof what === 'function' ? what() : what}`);
  }
}

/** A subscription that keeps what it was told. Everything is quick here; `options` says what differs. */
export function watch(url, options = {}) {
  const seen = { events: [], gaps: [], states: [], at: [] };
  const handle = subscribe(url, {
    WebSocket,
    retry: 1,
    pollInterval: 2,
    patience: 500,
    wait: 2,
    climb: 50,
    onEvent: (event) => seen.events.push(event),
    onGap: (gap) => seen.gaps.push(gap),
    onState: (state) => {
      seen.states.push(state);
      seen.at.push(performance.now());
    },
    ...options,
  });
  return Object.defineProperties(seen, Object.getOwnPropertyDescriptors({
    handle,
    get ids() {
      return seen.events.map(({ id }) => id);
    },
    /** Names of the transports that worked, in order, without repetitions. */
    get worked() {
      return seen.states.filter(({ state }) => state === 'open').map(({ transport }) => transport).filter((name, at, all) => name !== all[at - 1]);
    },
    has: (id) => until(() => seen.events.some((event) => event.id === id), () => `${id} of ${seen.events.map(({ id }) => id)}; ${JSON.stringify(seen.states.slice(-9))} ${seen.states.at(-1)?.error}`),
    is: (transport) => until(() => handle.state === 'open' && handle.transport === transport, () => `${transport}; ${JSON.stringify(seen.states.slice(-9))} ${seen.states.at(-1)?.error}`),
  }));
}
