// What is to be published, in order, until the log has it: over the open WebSocket, or by POST.
//
// Each publication has an idempotency key, so that one whose answer was lost is sent again and stored once.

import { failure, refused } from './failure.js';
import { object, read } from './lines.js';

/** Unanswered publications on a WebSocket: fewer than the keys that a small server remembers. */
const WINDOW = 8;
const POST_TIMEOUT = 3e4;

/** `query` is the channel's URL up to a parameter to come, `line()` the open WebSocket if there is one, `pause(tries, delay)` waits before a repetition. */
export function outbox(query, fetch, line, pause) {
  const prefix = `${Math.random()}-`;
  let queue = [];
  let count = 0;
  let posting;
  let closed;

  function settle(item, outcome) {
    queue = queue.filter((other) => other !== item);
    item.resolve(outcome);
  }

  /** Sends what the WebSocket may take; true unless the first goes by POST. What was lost with a WebSocket does: that tells why. */
  function send(socket = line()) {
    // Those that were lost come first.
    const { via = socket } = queue[0];
    if (!via || via !== socket) return;
    for (const item of queue.slice(0, WINDOW)) {
      if (item.via) continue;
      item.via = socket;
      const { data, body, type, ref, key } = item;
      const said = JSON.stringify({ type, data, ref, key });
      socket.send(data === undefined ? new Blob([said, '\n', body]) : said);
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
        const answer = await fetch(`${query}type=${encodeURIComponent(type)}`, {
          method: 'POST',
          headers: { 'Idempotency-Key': key },
          body,
          signal: AbortSignal.timeout(POST_TIMEOUT),
        });
        const said = await read(answer);
        if (!answer.ok) throw refused(answer, said);
        settle(item, object(said).id);
        tries = 0;
      } catch (error) {
        if (error.status < 500 && error.status !== 429) settle(item, Promise.reject(error));
        // Without a status it may have been stored: the key tells.
        else if (queue[0] === item) await pause(tries++, error.delay);
      }
    }
    posting = false;
  }

  return {
    pump,
    /** Bytes of data that the log does not have yet, as far as is known. */
    size: () => queue.reduce((sum, { body }) => sum + body.size, 0),
    publish: (data, { type = '', key = prefix + count } = {}) => new Promise((resolve) => {
      if (closed) throw closed;
      const text = typeof data === 'string';
      // Its type becomes the Content-Type: without one the server takes for text what is UTF-8.
      const body = new Blob([data], { type: text ? 'text/plain' : 'application/octet-stream' });
      queue.push({ data: text ? data : undefined, body, type, key, ref: (count += 1), resolve });
      pump();
    }),
    /** The server's answer on the WebSocket. A server that is ending stores no more: that goes by POST to the next one. */
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
