// The five transports. Each is one attempt: it ends by returning or throwing, or when it is cut.
//
// What it is given (see goldcrest.js):
//   ask(transport, seconds)   the answer to a GET from the cursor on, which may take so long
//   address(transport)     the URL of that request
//   pin(id)                makes the cursor this id, or one that it asks for, where it still is `newest`
//   watch(ms)              cuts the attempt, unless it is called again within `ms`
//   live()                 says that the transport works
//   take(said)             hands over an event, or a gap, or what is neither
//   place(id)              says where the log stands
//   cut(error)             ends it

import { asked, failure } from './failure.js';
import { bounded, lines, object, read } from './lines.js';

/** One answer of polling or long polling; how many events were in it, `Infinity` where the server may hold more. */
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
    // No script sees a ping: so ask for what is answered and changes nothing.
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
        const said = object(end < 0 ? data : new TextDecoder().decode(bytes.subarray(0, end)));
        if (end > 0) said.data = bytes.subarray(end + 1);
        if (said.ref) attempt.answered(said);
        else attempt.take(said);
      } catch (error) {
        attempt.cut(error);
      }
    };
    await new Promise(() => {});
  },

  // WHATWG HTML §9.2.6, over fetch and not by EventSource: that hears only the types it was told of, hides the status and
  // `Retry-After`, and keeps its cursor to itself.
  async sse(attempt) {
    let id;
    let delay;
    let block = {};
    await lines(attempt, await attempt.ask('sse'), (line) => {
      if (line) {
        const [, name, value] = /^([^:]*):? ?(.*)/s.exec(line);
        // It counts without a blank line: a full server, or one that shuts down, says it last.
        if (name === 'retry') attempt.told(delay = asked(value, 1) || delay);
        return (block[name] = name === 'data' ? bounded(`${block.data ?? ''}${value}\n`) : value);
      }
      const { event, data } = block;
      id = block.id ?? id;
      block = {};
      // A block before any id says nothing.
      if (!id) return;
      attempt.live();
      // A block without data says where the stream began.
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
      const said = line ? object(line) : {};
      attempt.live();
      attempt.take(said);
    });
  },

  async longpoll(attempt) {
    // The first is answered at once, so that it is known to work.
    for (let wait = 0; ; wait = attempt.wait) {
      const begun = Date.now();
      const count = await list(attempt, `longpoll&wait=${wait}`, wait);
      // Somebody answers at once what was to wait: do not ask in a circle.
      if (wait && !count && Date.now() - begun < 500) await attempt.pause();
    }
  },

  async poll(attempt) {
    for (;;) if (await list(attempt, 'poll') < Infinity) await attempt.pause();
  },
};
