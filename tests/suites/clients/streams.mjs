// npm's readers of event streams and of lines, at the versions that people run: over keep-alives nothing is handed out that is
// no event, and what was published while a connection was cut comes after it, once. And through a proxy that compresses.
//
// The server keeps alive every second: GOLDCREST_URL alone is not enough, tests/suites/clients/run starts it.

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
// It is for pages, and asks them what it has to know of one.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = require('@microsoft/fetch-event-source');

const base = process.env.GOLDCREST_URL;
const PATIENCE = 30_000;
let channels = 0;
const channel = () => `streams-${process.pid}-${(channels += 1)}`;

/** Resolves once `condition` holds. */
async function until(condition, what) {
  const late = performance.now() + PATIENCE;
  while (!condition()) {
    if (performance.now() > late) throw new Error(`${what()} after ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function publish(name, body, headers = { 'content-type': 'text/plain' }) {
  const response = await fetch(new URL(`events/${name}`, base), { method: 'POST', headers, body });
  return { status: response.status, ...(await response.json()) };
}

/** Publishes until somebody follows: the id that the follower gets first. */
async function first(name) {
  const late = performance.now() + PATIENCE;
  for (;;) {
    const { status, id } = await publish(name, 'first');
    if (status === 201) return id;
    assert.ok(performance.now() < late, 'nobody follows');
  }
}

/** A way to the server that can be cut, and held until it is released. It counts keep-alives and notes cursors. */
class Way {
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

/** An `EventSource` of whatever make. */
const standard = (Source) => (url, take) => {
  const source = new Source(url);
  source.onmessage = ({ data, lastEventId }) => take({ data, id: lastEventId });
  source.addEventListener('gap', ({ data }) => take({ data: `gap ${data}`, id: '' }));
  return () => source.close();
};

/** By name: reads `url`, hands each message to `take` and returns what ends it. */
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
    // Its manual: an end that is to be tried again is thrown. (Node's fetch takes a reset for one, where a `Connection: close` said that the
    // connection ends with the answer.)
    const onclose = () => {
      throw new Error('closed');
    };
    fetchEventSource(url, { signal: over.signal, fetch, onclose, onmessage: ({ data, id }) => take({ data, id }) });
    return () => over.abort();
  },
};

/** What the README says of clients that hand out every block. */
const HANDS_OUT_THE_FIRST_BLOCK = ['fetch-event-source'];

async function keepsItsPlace(name, open) {
  const where = channel();
  const way = await new Way().open();
  const seen = [];
  const close = open(`${way.base}events/${where}`, (message) => seen.push(message));
  const ids = [await first(where)];
  const say = async (data) => ids.push((await publish(where, data)).id);
  const heard = () => until(() => seen.at(-1)?.id === ids.at(-1), () => `${JSON.stringify(seen)}, not ${ids},`);
  await way.pass(2);
  await say('{"kept":"alive"}');
  await heard();
  await way.pass(2);
  way.cut();
  for (const data of ['while', 'it was', 'cut']) await say(data);
  way.release();
  await heard();
  await way.pass(2);
  await say('and after');
  await heard();
  close();
  way.close();
  if (HANDS_OUT_THE_FIRST_BLOCK.includes(name)) {
    const block = seen.shift();
    assert.equal(block.data, '', 'the first block');
  }
  assert.deepEqual(seen.map(({ id }) => id), ids);
  assert.ok(seen.every(({ data }) => data !== ''), JSON.stringify(seen));
  assert.ok(way.cursors.at(-1).includes(ids[1]), `it comes back with ${way.cursors}`);
  return `${name} by ${way.cursors.at(-1)}`;
}

/** With the id of its own, also a client that hands out every block is handed events alone. */
async function handsOutEventsAlone() {
  const where = channel();
  const way = await new Way().open();
  const { id } = await publish(where, 'before');
  const [seen, over] = [[], new AbortController()];
  const headers = { 'last-event-id': id };
  fetchEventSource(`${way.base}events/${where}`, { headers, signal: over.signal, fetch, onmessage: (message) => seen.push(message) });
  await way.pass(3);
  await publish(where, '1');
  await until(() => seen.length > 0, () => 'nothing came');
  await way.pass(1);
  over.abort();
  way.close();
  assert.deepEqual(seen.map(({ data }) => JSON.parse(data)), [1]);
}

/** Lines, each of which `JSON.parse` takes. */
async function splitsLines() {
  const where = channel();
  const way = await new Way().open();
  const over = new AbortController();
  const { body } = await fetch(`${way.base}events/${where}`, { headers: { accept: 'application/x-ndjson' }, signal: over.signal });
  const seen = [];
  let failure;
  Readable.fromWeb(body).on('error', () => {}).pipe(split2(JSON.parse))
    .on('data', (object) => seen.push(object))
    .on('error', (error) => (failure = error));
  const ids = [await first(where)];
  await way.pass(2);
  ids.push((await publish(where, 'second')).id);
  await until(() => failure || seen.some(({ id }) => id === ids[1]), () => JSON.stringify(seen));
  over.abort();
  way.close();
  assert.equal(failure, undefined);
  assert.deepEqual(seen.filter(({ id }) => id).map(({ id }) => id), ids);
  assert.ok(seen.filter(({ id }) => !id).every(({ after }) => typeof after === 'string'), JSON.stringify(seen));
}

/** create-react-app, webpack-dev-server and Next.js have this in front of a server behind them. */
async function comesThroughCompression(accept) {
  const where = channel();
  const app = express();
  app.use(compression());
  app.use(createProxyMiddleware({ target: base, changeOrigin: true }));
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  const over = new AbortController();
  const headers = { accept, 'accept-encoding': 'gzip, deflate, br' };
  let said = '';
  // A proxy that keeps all to itself does not even answer.
  const reading = fetch(`http://127.0.0.1:${server.address().port}/events/${where}`, { headers, signal: over.signal }).then(async (answer) => {
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) said += piece;
  });
  reading.catch(() => {});
  await first(where);
  await until(() => said.includes('first'), () => `${JSON.stringify(said)} came of ${accept}`);
  over.abort();
  server.closeAllConnections();
  server.close();
}

/** What `fetch` sends for each kind of body: how readers get it. */
async function knowsWhatIsText() {
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
    const said = await publish(channel(), body, headers);
    assert.equal(said.encoding, encoding, `${body}`);
  }
}

const checks = [
  ...Object.entries(READERS).map(([name, open]) => keepsItsPlace(name, open).catch((error) => { throw new Error(`${name}: ${error.message}`, { cause: error }); })),
  handsOutEventsAlone().then(() => 'fetch-event-source: no empty event'),
  splitsLines().then(() => 'split2(JSON.parse): no failure'),
  comesThroughCompression('text/event-stream').then(() => 'SSE through compression'),
  comesThroughCompression('application/x-ndjson').then(() => 'streaming through compression'),
  knowsWhatIsText().then(() => 'fetch: text is text'),
];
const results = await Promise.allSettled(checks);
for (const { value } of results) if (value) console.log(`streams: ${value}`);
const failures = results.filter(({ reason }) => reason);
for (const { reason } of failures) console.error(`streams: FAILED: ${reason.message}`);
process.exit(failures.length > 0 ? 1 : 0);
