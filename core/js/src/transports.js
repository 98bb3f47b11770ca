// The five transports. Each function is one attempt, which ends by returning, by throwing, or by `cut`.
//
// Members of an attempt (see goldcrest.js):
//   ask(transport, seconds)   the response to a GET from the cursor on; it may take `seconds` longer
//   address(transport)        the URL of that request
//   pin(id)                   replaces the cursor `newest` by this id, or by the result of a poll
//   watch(seconds)            restarts the timeout of the attempt
//   live()                    reports that the transport works
//   take(message)             reports an event or a gap; ignores other messages
//   place(id)                 advances the cursor
//   cut(error)                ends the attempt

import { asked, failure } from './failure.js';
import { bounded, lines, object, read } from './lines.js';

/** Reads one response of polling or long polling; returns the number of events, `Infinity` if the server may have more. */
async function list(attempt, transport, seconds) {
  const text = await read(await attempt.ask(transport, seconds));
  const { events, gap, after } = object(text);
  attempt.live();
  // Reading goes on just before the first event.
  attempt.take({ gap, after: events[0]?.id.replace(/\d+$/, (seq) => seq - 1) ?? after });
  events.forEach(attempt.take);
  attempt.place(after);
  return events.length > 99 || text.length > 3e4 ? Infinity : events.length;
}

export const techniques = {
  async websocket(attempt) {
    await attempt.pin();
    attempt.watch(0);
    const socket = attempt.socket = new attempt.Socket(attempt.address('websocket').replace('http', 'ws'), 'goldcrest.v1');
    socket.binaryType = 'arraybuffer';
    // Scripts can neither send nor see pings: a message with `ref` and nothing to publish is answered by an error.
    attempt.probe = () => {
      socket.send('{"ref":0}');
      attempt.watch(0);
    };
    socket.onopen = () => {
      if (!socket.protocol) return attempt.cut(failure('no goldcrest.v1'));
      attempt.watch();
      attempt.live();
    };
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => attempt.cut(failure(`closed ${code} ${reason}`));
    socket.onmessage = ({ data }) => {
      attempt.watch();
      try {
        const bytes = new Uint8Array(typeof data === 'string' ? 0 : data);
        const end = bytes.indexOf(10);
        const message = object(end < 0 ? data : new TextDecoder().decode(bytes.subarray(0, end)));
        if (end > 0) message.data = bytes.subarray(end + 1);
        if (message.ref) attempt.answered(message);
        else attempt.take(message);
      } catch (error) {
        attempt.cut(error);
      }
    };
    await new Promise(() => {});
  },

  // WHATWG HTML §9.2.6, over fetch: an EventSource reports only types with a listener, and hides the status, `Retry-After` and
  // its cursor.
  async sse(attempt) {
    let id;
    let delay;
    let block = {};
    await lines(attempt, await attempt.ask('sse'), (line) => {
      if (line) {
        const [, name, value] = /^([^:]*):? ?(.*)/s.exec(line);
        // Applies without a blank line: an overloaded server, or one that shuts down, sends it last.
        if (name === 'retry') attempt.told(delay = asked(value, 1) || delay);
        return (block[name] = name === 'data' ? bounded(`${block.data ?? ''}${value}\n`) : value);
      }
      const { event, data } = block;
      id = block.id ?? id;
      block = {};
      // A block before the first id is no event.
      if (!id) return;
      attempt.live();
      // A block without data has the cursor at which the stream begins.
      if (!data) return attempt.pin(id);
      const text = data.slice(0, -1);
      const [type, encoding] = (event || 'message').split(';');
      attempt.take(type === 'gap' ? { gap: object(text), after: id } : { id, type, data: text, encoding });
    });
    if (!id) return delay;
  },

  async stream(attempt) {
    await attempt.pin();
    await lines(attempt, await attempt.ask('stream'), (line) => {
      const message = line ? object(line) : {};
      attempt.live();
      attempt.take(message);
    });
  },

  async longpoll(attempt) {
    // The first one does not wait, so that the transport is known to work.
    for (let wait = 0; ; wait = attempt.wait) {
      const begun = Date.now();
      const count = await list(attempt, `longpoll&wait=${wait}`, wait);
      // A proxy may respond at once in place of waiting: no busy loop.
      if (wait && !count && Date.now() - begun < 500) await attempt.pause();
    }
  },

  async poll(attempt) {
    for (;;) if (await list(attempt, 'poll') < Infinity) await attempt.pause();
  },
};
