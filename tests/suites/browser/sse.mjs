// Event streams in a real browser. First tests/suites/sse/format.json itself: a server of raw bytes sends each stream to Chromium's own
// EventSource, which has to read what the table says, and come back when and as it says. Then what the table holds through the
// server under test: published there, each event and each stream as data arrives in an EventSource.

import { readFile } from 'node:fs/promises';
import net from 'node:net';

import { openChromium } from './chromium.mjs';
import { promises, same } from './checks.mjs';

const base = process.env.GOLDCREST_URL;
const { cases } = JSON.parse(await readFile(new URL('../sse/format.json', import.meta.url), 'utf8'));

/** Streams that say nothing of it leave the browser to its own reconnection time. */
const DEFAULT_RETRY = 3000;
/** Longer ones are not waited for. */
const WAITED = 3000;
/** Where Chromium departs from the standard, and what it does instead. A departure that is over fails here. */
const DEPARTURES = {
  'format-utf-8': { events: [], refused: true }, // it refuses a charset that is not UTF-8
  'the last valid one': { retry: DEFAULT_RETRY }, // `retry:` without a value brings its own time back
};
/** A timer may be late on a busy machine, and is never early. */
const LATE = 2500;

const { promise, end } = promises('sse', { quiet: true });
const context = await openChromium();

// A page of the server under test with nothing in it: the answer to a poll.
const page = await context.newPage();
const prefix = `sse-${process.pid}`;
await page.goto(`${base}events/${prefix}-blank`);

/** What an EventSource says: events of the types in `types`, until `done` of them have come, or it gives up, or the time is over. */
await page.evaluate(() => {
  globalThis.listen = (url, types) => {
    const source = new EventSource(url);
    const seen = { events: [], opened: 0, error: null, closed: false };
    for (const type of types) {
      source.addEventListener(type, (event) => {
        // The browser's own events of these names carry nothing.
        if (event instanceof MessageEvent) seen.events.push([event.type, event.data, event.lastEventId]);
      });
    }
    source.onopen = () => (seen.opened += 1);
    source.onerror = (event) => {
      if (event instanceof MessageEvent) return;
      seen.error = [event.bubbles, event.cancelable, 'data' in event];
      seen.closed = source.readyState === EventSource.CLOSED;
    };
    return { source, seen };
  };
});

// ---- the table, from a server of raw bytes

/** One server a case, since a browser opens six connections to each. Its first answer is the stream, and its second says no more. */
async function raw({ stream, mime }) {
  const asked = [];
  let second;
  const back = new Promise((resolve) => (second = resolve));
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const field = /^Last-Event-ID: (.*)$/im.exec(head)?.[1].trim();
      asked.push({ at: performance.now(), id: field === undefined ? '' : Buffer.from(field, 'latin1').toString('utf8') });
      head = '';
      if (asked.length > 1) {
        // 204 tells an EventSource to stop.
        socket.end('HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n');
        second();
        return;
      }
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${mime ?? 'text/event-stream'}\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n`);
      // Byte by byte where that is quick: a stream may be cut anywhere.
      if (stream.length < 64) for (const byte of stream) socket.write(Buffer.of(byte));
      else socket.write(stream);
      asked[0].ended = performance.now();
      socket.end();
    });
  });
  server.on('connection', (socket) => socket.setNoDelay(true));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, asked, back, close: () => server.close() };
}

const bytesOf = ({ text, bytes }) => (text === undefined ? Buffer.from(bytes, 'latin1') : Buffer.from(text, 'utf8'));
const late = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function fromTheTable(said) {
  const entry = { ...said, ...DEPARTURES[said.name] };
  const { name, events, retry = DEFAULT_RETRY, id = '', mime, refused = false } = entry;
  const server = await raw({ stream: bytesOf(entry), mime });
  const types = ['message', 'open', 'error', ...events.map(([type]) => type)];
  const handle = await page.evaluateHandle(([url, types]) => listen(url, [...new Set(types)]), [server.url, types]);
  try {
    const waits = retry <= WAITED;
    if (refused) {
      await page.waitForFunction(({ seen }) => seen.closed, handle, { timeout: 10_000 });
    } else {
      // The end of the stream is an error event; the second question shows that all of it was read.
      await page.waitForFunction(({ seen }) => seen.error !== null, handle, { timeout: 10_000 });
      if (waits) await Promise.race([server.back, late(retry + LATE + 2000).then(() => { throw new Error('it never came back'); })]);
    }
    const seen = await handle.evaluate(({ seen }) => seen);
    same(seen.events, events, 'what it read');
    same(seen.error, [false, false, false], 'the error event');
    if (refused) {
      same([seen.opened, server.asked.length], [0, 1], 'opened, asked');
    } else {
      same(seen.opened > 0, true, 'it opened');
      if (waits) {
        // Whitespace around a field's value is not part of it (RFC 9110 §5.5).
        same(server.asked[1].id, id.trim(), 'Last-Event-ID when it came back');
        const pause = server.asked[1].at - server.asked[0].ended;
        if (pause < retry * 0.75 || pause > retry + LATE) throw new Error(`it came back after ${pause | 0} ms, not ${retry}`);
      }
    }
  } finally {
    await handle.evaluate(({ source }) => source.close());
    server.close();
  }
}
const begin = performance.now();
for (let at = 0; at < cases.length; at += 48) {
  await Promise.all(cases.slice(at, at + 48).map((entry) => promise(`the table: ${entry.name}`, () => fromTheTable(entry))));
}
console.log(`sse: ${cases.length} streams of the table in Chromium's EventSource, ${((performance.now() - begin) / 1000).toFixed(1)} s`);

// ---- the same through the server under test

/** What SSE cannot carry as it is: line ends inside data all arrive as LF. */
const lines = (text) => text.replace(/\r\n?/g, '\n');
const RESERVED = ['gap', 'open', 'error'];

let channels = 0;
async function throughTheServer({ name, publications }) {
  const url = new URL(`events/${prefix}-${(channels += 1)}`, base);
  const types = ['gap', ...publications.map(({ type, binary }) => type + (binary ? ';base64' : ''))];
  const handle = await page.evaluateHandle(([url, types]) => listen(url, [...new Set(types)]), [`${url}?after=oldest`, types]);
  try {
    const expected = [];
    for (const { type, data, binary } of publications) {
      const target = new URL(url);
      if (type !== 'message') target.searchParams.set('type', type);
      const answer = await fetch(target, { method: 'POST', body: data, headers: { 'content-type': binary ? 'application/octet-stream' : 'text/plain' } });
      if (RESERVED.includes(type)) {
        same(answer.status, 400, `publishing the reserved type ${type}`);
        continue;
      }
      if (answer.status !== 201 && answer.status !== 202) throw new Error(`publishing ${JSON.stringify(type)}: ${answer.status}`);
      const { id } = await answer.json();
      expected.push(binary ? [`${type};base64`, Buffer.from(data).toString('base64'), id] : [type, lines(data), id]);
    }
    await page.waitForFunction(([{ seen }, count]) => seen.events.length >= count || seen.closed, [handle, expected.length], { timeout: 10_000 });
    same(await handle.evaluate(({ seen }) => seen.events), expected, 'what arrived');
  } finally {
    await handle.evaluate(({ source }) => source.close());
  }
}

for (const entry of cases) {
  const { name, events, text } = entry;
  // Each event that the table expects, then the stream itself as data, which must not become fields of ours, then as bytes.
  const publications = events.map(([type, data]) => ({ type, data }));
  if (text !== undefined) publications.push({ type: 'message', data: text });
  publications.push({ type: 'message', data: bytesOf(entry), binary: true });
  publications.push({ type: 'message', data: 'end' });
  await promise(`through the server: ${name}`, () => throughTheServer({ name, publications }));
}
console.log(`sse: the same ${cases.length} through the server`);

await promise('a line end or a semicolon in an event type is refused', async () => {
  for (const type of ['a\nb', 'a\rb', 'a;base64', ';']) {
    const target = new URL(`events/${prefix}-types`, base);
    target.searchParams.set('type', type);
    same((await fetch(target, { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } })).status, 400, JSON.stringify(type));
  }
});

await context.close();
end();
