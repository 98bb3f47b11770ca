// The five techniques, each as a browser knows it. A session runs until its signal is aborted, and ends early only if
// the connection did; it asks for what comes after the reader's cursor, and hands over whole events.

import { kinds, now } from './reader.js';

const path = '/events/demo';
const url = (reader, more = '') =>
  `${path}?transport=${reader.name}&after=${encodeURIComponent(reader.cursor)}${more}&page=${reader.page}`;

/** Where the log stands now: all five begin here, so that all five must hear the same. */
export async function newest(page) {
  const answer = await fetch(`${path}?transport=poll&after=newest&page=${page}`, { cache: 'no-store' });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return (await answer.json()).after;
}

/** One request of polling or long polling; returns the number of events. */
async function ask(reader, { signal, more, answered = () => {} }) {
  const end = reader.begin();
  try {
    const answer = await fetch(url(reader, more), { signal, cache: 'no-store' });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const { events, gap, after } = await answer.json();
    answered();
    if (gap) {
      const first = events[0]?.id;
      reader.gap(gap, first ? first.replace(/\d+$/, (seq) => Number(seq) - 1) : after);
    }
    events.forEach((event) => reader.receive(event));
    if (!events.length) reader.cursor = after;
    return events.length;
  } finally {
    end();
  }
}

export async function poll(reader) {
  try {
    // What is late by the interval is late by nature: only a break makes a poll catch up.
    const since = reader.state === 'broken' ? now() : Math.min(reader.liveFrom, now());
    return await ask(reader, { answered: () => reader.opened(since) });
  } catch (error) {
    reader.broke();
    throw error;
  }
}

export const sessions = {
  async longpoll(reader, signal, settings) {
    const since = now();
    for (;;) await ask(reader, { signal, more: `&wait=${settings.wait}`, answered: () => reader.opened(since) });
  },

  async stream(reader, signal) {
    const end = reader.begin();
    try {
      const answer = await fetch(url(reader), { signal, cache: 'no-store' });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      reader.opened();
      const pieces = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { value, done } = await pieces.read();
        if (done || signal.aborted) return;
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const line of lines) if (line) hear(reader, JSON.parse(line)); // an empty line only keeps alive
      }
    } finally {
      end();
    }
  },

  sse(reader, signal) {
    return new Promise((resolve) => {
      const source = new EventSource(url(reader));
      let end = reader.begin();
      const on = (kind) => source.addEventListener(kind, ({ type, data, lastEventId: id }) => {
        const encoding = type.endsWith(';base64') ? 'base64' : undefined;
        reader.receive({ id, type: encoding ? type.slice(0, -7) : type, data, encoding });
      });
      kinds.known.forEach(on);
      kinds.onNew = on;
      const finish = () => {
        source.close();
        end();
        resolve();
      };
      signal.addEventListener('abort', finish, { once: true });
      source.addEventListener('gap', ({ data, lastEventId }) => reader.gap(JSON.parse(data), lastEventId));
      source.onopen = () => reader.opened();
      source.onerror = () => {
        end();
        reader.broke();
        if (source.readyState === EventSource.CLOSED) finish();
        else end = reader.begin(); // EventSource comes back by itself, with Last-Event-ID
      };
    });
  },

  websocket(reader, signal) {
    return new Promise((resolve) => {
      const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}${url(reader)}`, 'goldcrest.v1');
      socket.binaryType = 'arraybuffer';
      const end = reader.begin();
      const finish = () => {
        end();
        resolve();
      };
      signal.addEventListener('abort', () => {
        socket.close(1000);
        setTimeout(finish, 1000);
      }, { once: true });
      socket.onopen = () => reader.opened();
      socket.onmessage = ({ data }) => {
        if (signal.aborted) return;
        if (typeof data === 'string') hear(reader, JSON.parse(data));
        else hear(reader, { ...JSON.parse(new TextDecoder().decode(data).split('\n', 1)[0]), encoding: 'binary' });
      };
      socket.onclose = finish;
    });
  },
};

function hear(reader, message) {
  if (message.gap) reader.gap(message.gap, message.after);
  else if (message.type) reader.receive(message);
}
