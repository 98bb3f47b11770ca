// Shared by the tests of goldcrest.js: the module as it is served, the server, and a subscription that records its callbacks.

import { WebSocket } from 'ws';

import { subscribe } from '../../../core/js/goldcrest.js';

export { WebSocket, subscribe };
export const TRANSPORTS = ['websocket', 'sse', 'stream', 'longpoll', 'poll'];
export const base = process.env.GOLDCREST_URL;
if (!base) throw new Error('GOLDCREST_URL is not set; run tests/suites/js/run');

const PATIENCE = 20_000;
let channels = 0;

/** A new channel name. */
export const channel = (label = 'c') => `js-${label}-${process.pid}-${(channels += 1)}`;

/** Publishes without goldcrest.js; resolves to the id. */
export async function publish(name, data = 'x', { type = '' } = {}) {
  const text = typeof data === 'string';
  const response = await fetch(`${base}events/${name}?type=${type}`, { method: 'POST', body: data, headers: text ? { 'Content-Type': 'text/plain' } : {} });
  if (!response.ok) throw new Error(`a publish: expected status 201 or 202, received ${response.status}`);
  return (await response.json()).id;
}

/** The events that a channel holds after an id, in order. */
export async function stored(name, after = 'oldest') {
  const events = [];
  for (;;) {
    const body = await (await fetch(`${base}events/${name}?after=${after}`)).json();
    events.push(...body.events);
    if (!body.events.length) return events;
    ({ after } = body);
  }
}

/** Resolves once `reached()` is true; `condition` describes it in the error. */
export async function until(reached, condition = String(reached)) {
  for (const late = Date.now() + PATIENCE; !(await reached()); await new Promise((resolve) => setTimeout(resolve, 2))) {
    if (Date.now() > late) throw new Error(`expected within ${PATIENCE} ms: ${typeof condition === 'function' ? condition() : condition}`);
  }
}

/** A subscription that records its callbacks, with short delays; `options` override them. */
export function watch(url, options = {}) {
  const seen = { events: [], gaps: [], states: [], at: [] };
  const handle = subscribe(url, {
    WebSocket,
    retry: 1,
    pollInterval: 2,
    patience: 500,
    wait: 2,
    retryBetterAfter: 50,
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
    /** The names of the transports that worked, in order, without repetitions. */
    get worked() {
      return seen.states.filter(({ state }) => state === 'open').map(({ transport }) => transport).filter((name, at, all) => name !== all[at - 1]);
    },
    has: (id) => until(() => seen.events.some((event) => event.id === id), () => `${id} of ${seen.events.map(({ id }) => id)}; ${JSON.stringify(seen.states.slice(-9))} ${seen.states.at(-1)?.error}`),
    is: (transport) => until(() => handle.state === 'open' && handle.transport === transport, () => `${transport}; ${JSON.stringify(seen.states.slice(-9))} ${seen.states.at(-1)?.error}`),
  }));
}
