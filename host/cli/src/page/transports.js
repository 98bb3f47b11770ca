// A subscription over a single transport, and its display: open requests and connections, disconnects and reconnects.

import { subscribe } from '../goldcrest.js';
import { base } from './base.js';
import { now } from './reader.js';

const path = `${base}events/demo`;

/** The id of the newest event: all five transports begin after it, so that they receive the same events. */
export async function newest(page) {
  const response = await fetch(`${path}?transport=poll&after=newest&page=${page}`, { cache: 'no-store' });
  if (!response.ok) throw new Error(`the server responded with status ${response.status}`);
  return (await response.json()).after;
}

/**
 * Subscribes `reader` from its cursor on. Each request of polling and long polling is shown as open, for the others the connection
 * is. `request` runs a short request.
 */
export function listen(reader, settings, request = (make) => make()) {
  const polls = reader.name === 'poll' || reader.name === 'longpoll';
  const since = now();
  let end = () => {};
  const begin = () => {
    end();
    end = reader.begin();
  };
  // The delay of the poll interval is part of the latency: only events of a disconnect are not live for a poll.
  const opened = () => reader.opened(polls ? (reader.state === 'broken' ? now() : Math.min(reader.liveFrom, since)) : now());

  const handle = subscribe(`${path}?page=${reader.page}`, {
    transports: [reader.name],
    after: reader.cursor,
    wait: settings.wait,
    pollInterval: settings.interval * 1000,
    retry: 200,
    fetch: (url, init) => (polls ? request(() => whole(url, init)) : fetch(url, init)),
    onEvent: (event) => reader.receive(event),
    onGap: (gap) => reader.gap(gap, gap.after),
    onState({ state }) {
      if (state === 'connecting' && !polls) begin();
      else if (state === 'open') opened();
      else end();
      if (state === 'waiting') reader.broke();
    },
  });

  /** A request, which is shown as open until the response is complete. */
  async function whole(url, init) {
    const done = reader.begin();
    try {
      const response = await fetch(url, init);
      const body = await response.text();
      // After a disconnect a browser may repeat the request by itself (RFC 9110 §9.2.2): then `onState` is not called.
      if (response.ok && reader.state === 'broken' && handle.state === 'open') opened();
      return new Response(body, response);
    } finally {
      done();
    }
  }

  return handle;
}
