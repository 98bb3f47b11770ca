// Publications, in order, until they are acknowledged: over the open WebSocket, or by POST.
//
// Each has an idempotency key, so that one whose acknowledgement was lost is sent again and stored once.

import { failure, refused } from './failure.js';
import { object, read } from './lines.js';

/** Unacknowledged publications on a WebSocket: fewer than the keys that a small server remembers. */
const WINDOW = 8;
const POST_TIMEOUT = 3e4;

/** `query` is the channel's URL, ready for a parameter; `open()` returns the open WebSocket, if any; `pause(tries, delay)` waits before a repetition. */
export function outbox(query, fetch, open, pause) {
  const prefix = `${Math.random()}-`;
  let queue = [];
  let count = 0;
  let posting;
  let closed;

  function settle(item, outcome) {
    queue = queue.filter((other) => other !== item);
    item.resolve(outcome);
  }

  /**
   * Sends up to WINDOW publications over the WebSocket; true unless the first has to go by POST. One that was lost with its WebSocket
   * has to: a POST's response has a status.
   */
  function send(socket = open()) {
    // Lost ones come first.
    const { via = socket } = queue[0];
    if (!via || via !== socket) return;
    for (const item of queue.slice(0, WINDOW)) {
      if (item.via) continue;
      item.via = socket;
      const { data, body, type, ref, key } = item;
      const message = JSON.stringify({ type, data, ref, key });
      socket.send(data === undefined ? new Blob([message, '\n', body]) : message);
    }
    return true;
  }

  async function pump() {
    if (posting) return;
    posting = true;
    let tries = 0;
    while (queue[0] && !send()) {
      const [item] = queue;
      const { body, type, key } = item;
      try {
        const response = await fetch(`${query}type=${encodeURIComponent(type)}`, {
          method: 'POST',
          headers: { 'Idempotency-Key': key },
          body,
          signal: AbortSignal.timeout(POST_TIMEOUT),
        });
        const text = await read(response);
        if (!response.ok) throw refused(response, text);
        settle(item, object(text).id);
        tries = 0;
      } catch (error) {
        if (error.status < 500 && error.status !== 429) settle(item, Promise.reject(error));
        // Without a status it may have been stored: the key prevents a second one.
        else if (queue[0] === item) await pause(tries++, error.delay);
      }
    }
    posting = false;
  }

  return {
    pump,
    /** Bytes of unacknowledged data. */
    size: () => queue.reduce((sum, { body }) => sum + body.size, 0),
    publish: (data, { type = '', key = prefix + count } = {}) => new Promise((resolve) => {
      if (closed) throw closed;
      const text = typeof data === 'string';
      // Its type becomes the Content-Type: without one the server stores bytes in UTF-8 as text.
      const body = new Blob([data], { type: text ? 'text/plain' : 'application/octet-stream' });
      queue.push({ data: text ? data : undefined, body, type, key, ref: (count += 1), resolve });
      pump();
    }),
    /** Handles an acknowledgement on the WebSocket. A server that shuts down stores no more: the item is sent again by POST. */
    answered({ ref, id, error }) {
      const item = queue.find((item) => item.ref === ref);
      if (item && !/down/.test(error)) settle(item, id ?? Promise.reject(failure(error)));
      pump();
    },
    close(error) {
      closed = error;
      for (const item of queue) settle(item, Promise.reject(error));
    },
  };
}
