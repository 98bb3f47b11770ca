// npm's clients for event streams and for lines, at the versions in wide use. With keep-alives they return events only; events
// published during a disconnect arrive after it, once. The same holds through a compressing proxy.
//
// The server has to send a keep-alive each second: tests/suites/clients/run starts one that does.

import assert from 'node:assert/strict';
import net from 'node:net';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

import compression from 'compression';
import { EventSource as EventSource5 } from 'eventsource';
import { createEventSource } from 'eventsource-client';
import { EventSource as EventSource4 } from 'eventsource4';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import split2 from 'split2';

const require = createRequire(import.meta.url);
const [EventSource1, EventSource2] = [require('eventsource1'), require('eventsource2')];
const { EventSourcePolyfill } = require('event-source-polyfill');
// fetch-event-source uses `window` and the visibility of `document`, which Node lacks.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = require('@microsoft/fetch-event-source');

const base = process.env.GOLDCREST_URL;
const PATIENCE = 30_000;
let channels = 0;
// eventsource 1 and 2 accept ASCII only.
const prefix = encodeURI(process.env.CHANNEL_PREFIX ?? '');
const channel = () => `${prefix}streams-${process.pid}-${(channels += 1)}`;

/** Resolves once `condition` holds; `failure` describes the state otherwise. */
async function until(condition, failure) {
  const late = performance.now() + PATIENCE;
  while (!condition()) {
    if (performance.now() > late) throw new Error(`${failure()} after ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function publish(name, body, headers = { 'content-type': 'text/plain' }) {
  const response = await fetch(new URL(`events/${name}`, base), { method: 'POST', headers, body });
  return { status: response.status, ...(await response.json()) };
}

/** Publishes until there is a subscriber, and returns the id of the first event that it receives. */
async function first(name) {
  const late = performance.now() + PATIENCE;
  for (;;) {
    const { status, id } = await publish(name, 'first');
    if (status === 201) return id;
    assert.ok(performance.now() < late, 'expected a subscriber');
  }
}

/** A relay to the server that resets its connections, and then delays new ones until `release`. Counts keep-alives, notes cursors. */
class Relay {
  keptAlive = 0;
  cursors = [];
  #pairs = new Set();
  #held = [];
  #holds = false;

  async open() {
    this.#server = net.createServer((near) => {
      near.on('error', () => {});
      if (this.#holds) this.#held.push(near);
      else this.#join(near);
    });
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.base = `http://127.0.0.1:${this.#server.address().port}/`;
    return this;
  }

  #server;

  #join(near) {
    const { hostname, port } = new URL(base);
    const far = net.connect(Number(port), hostname);
    this.#pairs.add(near);
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.on('close', () => far.destroy() && this.#pairs.delete(near));
    near.on('data', (bytes) => {
      const head = bytes.toString('latin1');
      const [, field] = /^last-event-id: *(\S+)/im.exec(head) ?? [];
      const [, query] = /^GET [^?\s]*\?(\S*)/m.exec(head) ?? [];
      if (/^GET/.test(head)) this.cursors.push(field ?? query ?? '');
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      this.keptAlive += bytes.toString('latin1').match(/(?<=\n):\n|(?<=\n){"after":"[^"]*"}\n/g)?.length ?? 0;
      near.write(bytes);
    });
  }

  cut() {
    this.#holds = true;
    for (const near of this.#pairs) near.resetAndDestroy();
  }

  release() {
    this.#holds = false;
    this.#held.splice(0).forEach((near) => this.#join(near));
  }

  async pass(count) {
    const enough = this.keptAlive + count;
    await until(() => this.keptAlive >= enough, () => `${this.keptAlive} keep-alives, not ${enough},`);
  }

  close() {
    this.#holds = true;
    for (const near of this.#pairs) near.destroy();
    this.#server.close();
  }
}

/** A client with the interface of `EventSource`. */
const standard = (Source) => (url, take) => {
  const source = new Source(url);
  source.onmessage = ({ data, lastEventId }) => take({ data, id: lastEventId });
  source.addEventListener('gap', ({ data }) => take({ data: `gap ${data}`, id: '' }));
  return () => source.close();
};

/** By name: reads `url`, calls `take` with each message, and returns a function that closes the client. */
const READERS = {
  'eventsource 1': standard(EventSource1),
  'eventsource 2': standard(EventSource2),
  'eventsource 4': standard(EventSource4),
  'eventsource 5': standard(EventSource5),
  'event-source-polyfill': standard(EventSourcePolyfill),
  'eventsource-client'(url, take) {
    const source = createEventSource({ url, onMessage: ({ data, id }) => take({ data, id }) });
    return () => source.close();
  },
  'fetch-event-source'(url, take) {
    const over = new AbortController();
    // As its manual says, `onclose` throws to reconnect after the end of a response. (Node's fetch reports a reset of a response
    // with `Connection: close` as its end.)
    const onclose = () => {
      throw new Error('closed');
    };
    fetchEventSource(url, { signal: over.signal, fetch, onclose, onmessage: ({ data, id }) => take({ data, id }) });
    return () => over.abort();
  },
};

/** Clients that report every block, so the first one without data too; see the README. */
const REPORTS_EMPTY_BLOCKS = ['fetch-event-source'];

async function resumesAfterDisconnect(name, open) {
  const where = channel();
  const relay = await new Relay().open();
  const seen = [];
  const close = open(`${relay.base}events/${where}`, (message) => seen.push(message));
  const ids = [await first(where)];
  const say = async (data) => ids.push((await publish(where, data)).id);
  const heard = () => until(() => seen.at(-1)?.id === ids.at(-1), () => `${JSON.stringify(seen)}, not ${ids},`);
  await relay.pass(2);
  await say('{"kept":"alive"}');
  await heard();
  await relay.pass(2);
  relay.cut();
  for (const data of ['while', 'it was', 'cut']) await say(data);
  relay.release();
  await heard();
  await relay.pass(2);
  await say('and after');
  await heard();
  close();
  relay.close();
  if (REPORTS_EMPTY_BLOCKS.includes(name)) {
    const block = seen.shift();
    assert.equal(block.data, '', 'the first block');
  }
  assert.deepEqual(seen.map(({ id }) => id), ids);
  assert.ok(seen.every(({ data }) => data !== ''), JSON.stringify(seen));
  assert.ok(relay.cursors.at(-1).includes(ids[1]), `expected a reconnect with a cursor of ${ids[1]}, found ${relay.cursors}`);
  return `${name} by ${relay.cursors.at(-1)}`;
}

/** With a Last-Event-ID, a client that reports every block reports events only. */
async function reportsEventsOnly() {
  const where = channel();
  const relay = await new Relay().open();
  const { id } = await publish(where, 'before');
  const [seen, over] = [[], new AbortController()];
  const headers = { 'last-event-id': id };
  fetchEventSource(`${relay.base}events/${where}`, { headers, signal: over.signal, fetch, onmessage: (message) => seen.push(message) });
  await relay.pass(3);
  await publish(where, '1');
  await until(() => seen.length > 0, () => 'expected an event, found none');
  await relay.pass(1);
  over.abort();
  relay.close();
  assert.deepEqual(seen.map(({ data }) => JSON.parse(data)), [1]);
}

/** Each line of a stream is JSON. */
async function parsesLines() {
  const where = channel();
  const relay = await new Relay().open();
  const over = new AbortController();
  const { body } = await fetch(`${relay.base}events/${where}`, { headers: { accept: 'application/x-ndjson' }, signal: over.signal });
  const seen = [];
  let failure;
  Readable.fromWeb(body).on('error', () => {}).pipe(split2(JSON.parse))
    .on('data', (object) => seen.push(object))
    .on('error', (error) => (failure = error));
  const ids = [await first(where)];
  await relay.pass(2);
  ids.push((await publish(where, 'second')).id);
  await until(() => failure || seen.some(({ id }) => id === ids[1]), () => JSON.stringify(seen));
  over.abort();
  relay.close();
  assert.equal(failure, undefined);
  assert.deepEqual(seen.filter(({ id }) => id).map(({ id }) => id), ids);
  assert.ok(seen.filter(({ id }) => !id).every(({ after }) => typeof after === 'string'), JSON.stringify(seen));
}

/** The development servers of create-react-app, webpack and Next.js proxy with this middleware. */
async function passesCompression(accept) {
  const where = channel();
  const app = express();
  app.use(compression());
  app.use(createProxyMiddleware({ target: base, changeOrigin: true }));
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  const over = new AbortController();
  const headers = { accept, 'accept-encoding': 'gzip, deflate, br' };
  let received = '';
  // Not awaited: a proxy that buffers would not respond at all.
  const reading = fetch(`http://127.0.0.1:${server.address().port}/events/${where}`, { headers, signal: over.signal }).then(async (response) => {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) received += chunk;
  });
  reading.catch(() => {});
  await first(where);
  await until(() => received.includes('first'), () => `${accept}: expected the event "first", found ${JSON.stringify(received)}`);
  over.abort();
  server.closeAllConnections();
  server.close();
}

/** The encoding in which subscribers receive each kind of body that `fetch` sends. */
async function detectsText() {
  const bytes = new Uint8Array([0, 255]);
  for (const [body, headers, encoding] of [
    ['a string', {}, 'text'],
    [new URLSearchParams({ a: 'form' }), {}, 'text'],
    [new Blob(['of no type']), {}, 'text'],
    [new TextEncoder().encode('bytes of UTF-8'), {}, 'text'],
    [bytes, {}, 'base64'],
    [new Blob(['of a type'], { type: 'image/png' }), {}, 'base64'],
    ['a string', { 'content-type': 'application/octet-stream' }, 'base64'],
  ]) {
    const stored = await publish(channel(), body, headers);
    assert.equal(stored.encoding, encoding, `${body}`);
  }
}

const checks = [
  ...Object.entries(READERS).map(([name, open]) => resumesAfterDisconnect(name, open).catch((error) => { throw new Error(`${name}: ${error.message}`, { cause: error }); })),
  reportsEventsOnly().then(() => 'fetch-event-source: no empty event with a Last-Event-ID'),
  parsesLines().then(() => 'split2(JSON.parse): each line is JSON'),
  passesCompression('text/event-stream').then(() => 'SSE through a compressing proxy'),
  passesCompression('application/x-ndjson').then(() => 'streaming through a compressing proxy'),
  detectsText().then(() => 'fetch: UTF-8 is stored as text'),
];
const results = await Promise.allSettled(checks);
for (const { value } of results) if (value) console.log(`streams: ${value}`);
const failures = results.filter(({ reason }) => reason);
for (const { reason } of failures) console.error(`streams: FAILED: ${reason.message}`);
process.exit(failures.length > 0 ? 1 : 0);
