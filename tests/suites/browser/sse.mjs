// Event streams in Chromium. First a server of raw bytes sends each stream of tests/suites/sse/format.json to an EventSource, which
// has to report the events of the table, and reconnect as the table states. Then the same events, and the streams as data, are
// published to the server under test and received by an EventSource.

import { readFile } from 'node:fs/promises';
import net from 'node:net';

import { openChromium } from './chromium.mjs';
import { checks, same } from './checks.mjs';

const base = process.env.GOLDCREST_URL;
const { cases } = JSON.parse(await readFile(new URL('../sse/format.json', import.meta.url), 'utf8'));

/** Chromium's reconnection time for streams without `retry:`, in ms. */
const DEFAULT_RETRY = 3000;
/** Longer reconnection times are not tested. */
const WAITED = 3000;
/** Chromium's departures from the standard. One that Chromium has fixed fails here. */
const DEPARTURES = {
  'format-utf-8': { events: [], refused: true }, // rejects a charset other than UTF-8
  'the last valid one': { retry: DEFAULT_RETRY }, // `retry:` without a value resets the reconnection time
};
/** The tolerance for a timer on a busy machine, in ms; a timer is never early. */
const LATE = 2500;

const { check, end } = checks('sse', { quiet: true });
const context = await openChromium();

// A document of the server's origin without scripts: the response to a poll.
const page = await context.newPage();
const prefix = `sse-${process.pid}`;
await page.goto(`${base}events/${prefix}-blank`);

/** `listen(url, types)` records the events of these types of an EventSource, and its state. */
await page.evaluate(() => {
  globalThis.listen = (url, types) => {
    const source = new EventSource(url);
    const seen = { events: [], opened: 0, error: null, closed: false };
    for (const type of types) {
      source.addEventListener(type, (event) => {
        // The browser's events `open` and `error` are no MessageEvents.
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

/** A server for one stream, since a browser opens at most six connections to each. The second response is 204. */
async function raw({ stream, mime }) {
  const requests = [];
  let second;
  const back = new Promise((resolve) => (second = resolve));
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const field = /^Last-Event-ID: (.*)$/im.exec(head)?.[1].trim();
      requests.push({ at: performance.now(), id: field === undefined ? '' : Buffer.from(field, 'latin1').toString('utf8') });
      head = '';
      if (requests.length > 1) {
        // 204 ends the reconnects of an EventSource (WHATWG HTML §9.2.3).
        socket.end('HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n');
        second();
        return;
      }
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${mime ?? 'text/event-stream'}\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n`);
      // Short streams are sent in single bytes: a stream may be split anywhere.
      if (stream.length < 64) for (const byte of stream) socket.write(Buffer.of(byte));
      else socket.write(stream);
      requests[0].ended = performance.now();
      socket.end();
    });
  });
  server.on('connection', (socket) => socket.setNoDelay(true));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, requests, back, close: () => server.close() };
}

const bytesOf = ({ text, bytes }) => (text === undefined ? Buffer.from(bytes, 'latin1') : Buffer.from(text, 'utf8'));
const late = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function fromTheTable(row) {
  const entry = { ...row, ...DEPARTURES[row.name] };
  const { name, events, retry = DEFAULT_RETRY, id = '', mime, refused = false } = entry;
  const server = await raw({ stream: bytesOf(entry), mime });
  const types = ['message', 'open', 'error', ...events.map(([type]) => type)];
  const handle = await page.evaluateHandle(([url, types]) => listen(url, [...new Set(types)]), [server.url, types]);
  try {
    const waits = retry <= WAITED;
    if (refused) {
      await page.waitForFunction(({ seen }) => seen.closed, handle, { timeout: 10_000 });
    } else {
      // The end of the stream is an error event; the second request shows that the whole stream was read.
      await page.waitForFunction(({ seen }) => seen.error !== null, handle, { timeout: 10_000 });
      if (waits) await Promise.race([server.back, late(retry + LATE + 2000).then(() => { throw new Error('expected a reconnect, found none'); })]);
    }
    const seen = await handle.evaluate(({ seen }) => seen);
    same(seen.events, events, 'events');
    same(seen.error, [false, false, false], 'the error event');
    if (refused) {
      same([seen.opened, server.requests.length], [0, 1], 'the numbers of `open` events and of requests');
    } else {
      same(seen.opened > 0, true, 'an `open` event');
      if (waits) {
        // Whitespace around a field's value is not part of it (RFC 9110 §5.5).
        same(server.requests[1].id, id.trim(), 'Last-Event-ID of the reconnect');
        const pause = server.requests[1].at - server.requests[0].ended;
        if (pause < retry * 0.75 || pause > retry + LATE) throw new Error(`expected a reconnect after ${retry} ms, found ${pause | 0} ms`);
      }
    }
  } finally {
    await handle.evaluate(({ source }) => source.close());
    server.close();
  }
}
const begin = performance.now();
for (let at = 0; at < cases.length; at += 48) {
  await Promise.all(cases.slice(at, at + 48).map((entry) => check(`the table: ${entry.name}`, () => fromTheTable(entry))));
}
console.log(`sse: ${cases.length} streams of the table in Chromium's EventSource, ${((performance.now() - begin) / 1000).toFixed(1)} s`);

// ---- the same through the server under test

/** SSE replaces all line ends inside data by LF. */
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
      const response = await fetch(target, { method: 'POST', body: data, headers: { 'content-type': binary ? 'application/octet-stream' : 'text/plain' } });
      if (RESERVED.includes(type)) {
        same(response.status, 400, `publishing the reserved type ${type}`);
        continue;
      }
      if (response.status !== 201 && response.status !== 202) throw new Error(`publishing ${JSON.stringify(type)}: expected status 201 or 202, received ${response.status}`);
      const { id } = await response.json();
      expected.push(binary ? [`${type};base64`, Buffer.from(data).toString('base64'), id] : [type, lines(data), id]);
    }
    await page.waitForFunction(([{ seen }, count]) => seen.events.length >= count || seen.closed, [handle, expected.length], { timeout: 10_000 });
    same(await handle.evaluate(({ seen }) => seen.events), expected, 'events');
  } finally {
    await handle.evaluate(({ source }) => source.close());
  }
}

for (const entry of cases) {
  const { name, events, text } = entry;
  // Each event of the table; then the stream as data, which must not become fields, as text and as bytes.
  const publications = events.map(([type, data]) => ({ type, data }));
  if (text !== undefined) publications.push({ type: 'message', data: text });
  publications.push({ type: 'message', data: bytesOf(entry), binary: true });
  publications.push({ type: 'message', data: 'end' });
  await check(`through the server: ${name}`, () => throughTheServer({ name, publications }));
}
console.log(`sse: the same ${cases.length} through the server`);

await check('a line end or a semicolon in an event type is rejected', async () => {
  for (const type of ['a\nb', 'a\rb', 'a;base64', ';']) {
    const target = new URL(`events/${prefix}-types`, base);
    target.searchParams.set('type', type);
    same((await fetch(target, { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } })).status, 400, JSON.stringify(type));
  }
});

await context.close();
end();
