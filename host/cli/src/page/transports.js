// A subscription to each transport alone, and what of it the page shows: when requests and connections are open, when they
// break and come back.

import { subscribe } from '../goldcrest.js';
import { base } from './base.js';
import { now } from './reader.js';

const path = `${base}events/demo`;

/** Where the log stands now: all five begin here, so that all five must hear the same. */
export async function newest(page) {
  const answer = await fetch(`${path}?transport=poll&after=newest&page=${page}`, { cache: 'no-store' });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return (await answer.json()).after;
}

/**
 * Subscribes `reader` from its cursor on. Of polling and long polling each request is shown as open, of the others the
 * connection. `request` makes a short request when it may.
 */
export function listen(reader, settings, request = (make) => make()) {
  const asks = reader.name === 'poll' || reader.name === 'longpoll';
  const since = now();
  let end = () => {};
  const begin = () => {
    end();
    end = reader.begin();
  };
  // What is late by the interval is late by nature: only a break makes a poll catch up.
  const opened = () => reader.opened(asks ? (reader.state === 'broken' ? now() : Math.min(reader.liveFrom, since)) : now());

  const handle = subscribe(`${path}?page=${reader.page}`, {
    transports: [reader.name],
    after: reader.cursor,
    wait: settings.wait,
    pollInterval: settings.interval * 1000,
    retry: 200,
    fetch: (url, init) => (asks ? request(() => whole(url, init)) : fetch(url, init)),
    onEvent: (event) => reader.receive(event),
    onGap: (gap) => reader.gap(gap, gap.after),
    onState({ state }) {
      if (state === 'connecting' && !asks) begin();
      else if (state === 'open') opened();
      else end();
      if (state === 'waiting') reader.broke();
    },
  });

  /** A request until the whole answer is there, which is when it stops being open. */
  async function whole(url, init) {
    const done = reader.begin();
    try {
      const answer = await fetch(url, init);
      const body = await answer.text();
      // A browser repeats by itself a request whose connection broke: nobody else is told.
      if (answer.ok && reader.state === 'broken' && handle.state === 'open') opened();
      return new Response(body, answer);
    } finally {
      done();
    }
  }

  return handle;
}
