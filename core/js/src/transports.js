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

import { failure } from './failure.js';
import { bounded, lines } from './lines.js';

/** One answer of polling or long polling; how many events were in it, `Infinity` where the server may hold more. */
async function list(attempt, transport, seconds) {
  const text = await (await attempt.ask(transport, seconds)).text();
  const { events, gap, after } = JSON.parse(text);
  attempt.live();
  // Reading goes on just before the first event.
  attempt.take({ gap, after: events[0]?.id.replace(/\d+$/, (seq) => seq - 1) ?? after });
  events.forEach(attempt.take);
  attempt.place(after);
  return events.length > 99 || text.length > 1 << 15 ? Infinity : events.length;
}

export const techniques = {
  async websocket(attempt) {
    await attempt.pin();
    const { signal, cut, live, watch, Socket, patience, silence } = attempt;
    watch(patience);
    const socket = new Socket(attempt.address('websocket').replace('http', 'ws'), 'goldcrest.v1');
    socket.binaryType = 'arraybuffer';
    // No script sees a ping: so ask for what is answered and changes nothing.
    const probe = () => {
      socket.send('{"ref":0}');
      watch(patience);
    };
    socket.onopen = () => {
      if (!socket.protocol) return cut(failure('no goldcrest.v1'));
      attempt.socket = socket;
      attempt.probe = probe;
      watch(silence, probe);
      live();
    };
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => cut(failure(`closed ${code} ${reason}`));
    socket.onmessage = ({ data }) => {
      watch(silence, probe);
      try {
        const bytes = new Uint8Array(data); // of an object as text: none
        const end = bytes.indexOf(10);
        const said = JSON.parse(end < 0 ? data : new TextDecoder().decode(bytes.subarray(0, end)));
        if (end > 0) said.data = bytes.subarray(end + 1);
        if (said.ref) attempt.answered(said);
        else attempt.take(said);
      } catch (error) {
        cut(error);
      }
    };
    signal.onabort = () => socket.close();
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
        block[name] = name === 'data' ? bounded(`${block.data ?? ''}${value}\n`) : value;
        return;
      }
      const { event, data, retry } = block;
      id = block.id ?? id;
      block = {};
      if (retry) delay = attempt.told(+retry);
      // A block without an id is how a full server says when to come back.
      if (!id) return;
      attempt.live();
      const text = data?.slice(0, -1);
      const [type, encoding] = (event || 'message').split(';');
      // The first block says where it began; a gap that follows is told of where it was to begin.
      if (!data) attempt.pin(id);
      else if (type === 'gap') attempt.take({ gap: JSON.parse(text), after: id });
      else attempt.take({ id, type, data: text, encoding });
    });
    if (!id) throw failure('no events', { delay });
  },

  async stream(attempt) {
    await attempt.pin();
    const answer = await attempt.ask('stream');
    attempt.live();
    attempt.watch();
    await lines(attempt, answer, (line) => line && attempt.take(JSON.parse(line)));
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
