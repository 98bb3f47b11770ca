// Parsing of responses, well-formed and malformed: the same events for every split of the bytes, within bounded memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WebSocketServer } from 'ws';

import { stub } from './stub.mjs';
import { until, watch } from './harness.mjs';

/** The events of a subscription over `transport` to a response with `body`, split at `cuts`, until the event `last`. */
async function parsed(transport, type, body, last, cuts = []) {
  const bytes = Buffer.from(body);
  const server = await stub(async (_, response) => {
    response.setHeader('Content-Type', type);
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      response.write(bytes.subarray(from, to));
      if (to < bytes.length) await new Promise((resolve) => setImmediate(resolve));
      from = to;
    }
  });
  const seen = watch(`${server.base}events/a`, { transports: [transport], after: 'oldest' });
  await until(() => seen.events.at(-1)?.id === last, () => JSON.stringify(seen.events));
  seen.handle.close();
  server.close();
  return seen;
}

// The rules of WHATWG HTML §9.2.6 that a stream with ids can show.
const STREAMS = [
  ['one space after the colon is removed', 'id:1-1\ndata:  a \n\n', ['message', ' a ']],
  ['the space after the colon is optional', 'id:1-1\ndata:a\n\n', ['message', 'a']],
  ['lines are joined by a line feed', 'id:1-1\ndata:a\ndata\ndata:b\n\n', ['message', 'a\n\nb']],
  ['lines end with CR LF', 'id:1-1\r\ndata:a\r\n\r\n', ['message', 'a']],
  ['lines end with CR', 'id:1-1\rdata:a\r\r:\n', ['message', 'a']],
  ['a byte order mark is skipped', '\ufeffid:1-1\ndata:a\n\n', ['message', 'a']],
  ['comments and unknown fields are ignored', ':c\nfoo:bar\nid:1-1\n: x\ndata:a\ndata2:b\n Data:c\n\n', ['message', 'a']],
  ['an event has its type', 'id:1-1\nevent:led\ndata:on\n\n', ['led', 'on']],
  ['an empty type is message', 'id:1-1\nevent:\ndata:on\n\n', ['message', 'on']],
  ['the last type counts', 'id:1-1\nevent:a\nevent:b\ndata:x\n\n', ['b', 'x']],
  ['a colon may be in a value', 'id:1-1\ndata:a:b: c\n\n', ['message', 'a:b: c']],
  ['empty data is an event', 'id:1-1\ndata:\n\n', ['message', '']],
  ['bytes are Base64', 'id:1-1\nevent:pic;base64\ndata:AAH/\n\n', ['pic', new Uint8Array([0, 1, 255])]],
  ['text has characters of several bytes', 'id:1-1\ndata:zwölf €, 𝄞\n\n', ['message', 'zwölf €, 𝄞']],
];

for (const [rule, stream, [type, data]] of STREAMS) {
  test(`SSE: ${rule}, for every split`, async () => {
    const body = `${stream}id:1-2\ndata:end\n\n`;
    const { length } = Buffer.from(body);
    const each = Array.from({ length }, (_, at) => at + 1);
    for (const cuts of [[], each, ...each.map((at) => [at])]) {
      const seen = await parsed('sse', 'text/event-stream', body, '1-2', cuts);
      assert.deepEqual(seen.events, [{ id: '1-1', type, data }, { id: '1-2', type: 'message', data: 'end' }], `${cuts}`);
    }
  });
}

test('SSE: the type is reset after each event; a block without data is no event', async () => {
  const seen = await parsed('sse', 'text/event-stream', 'id:1-1\nevent:a\n\nid:1-2\ndata:x\n\nid: 1-3\nevent: gap\ndata: {"missed":1}\n\nid:1-4\ndata:y\n\n', '1-4');
  assert.deepEqual(seen.events, [{ id: '1-2', type: 'message', data: 'x' }, { id: '1-4', type: 'message', data: 'y' }]);
  assert.deepEqual(seen.gaps, [{ missed: 1, after: '1-3' }]);
});

for (const quiet of ['{"after":"1-1"}', '']) {
  test(`the line "${quiet}" of a stream is no event`, async () => {
    const events = ['1-2', '1-3'].map((id) => JSON.stringify({ id, type: 't', data: id }));
    const seen = await parsed('stream', 'application/x-ndjson', [quiet, events[0], quiet, events[1], quiet, ''].join('\n'), '1-3');
    assert.deepEqual(seen.events.map(({ id }) => id), ['1-2', '1-3']);
    assert.deepEqual(seen.gaps, []);
  });
}

test('repeated events are discarded', async () => {
  const line = (id) => `${JSON.stringify({ id, type: 't', data: id })}\n`;
  const seen = await parsed('stream', 'application/x-ndjson', ['1-1', '1-2', '1-1', '1-2', '1-10', '1-9', '2-1'].map(line).join('\n'), '2-1');
  assert.deepEqual(seen.ids, ['1-1', '1-2', '1-10', '2-1']);
});

for (const [input, transport, type, body] of [
  ['an endless line', 'stream', 'application/x-ndjson', 'x'],
  ['an endless field', 'sse', 'text/event-stream', 'x'],
  ['an endless event', 'sse', 'text/event-stream', 'data:xxxxxxxx\n'],
  ['an endless response to a poll', 'poll', 'application/json', ' '],
  ['an endless response to a long poll', 'longpoll', 'application/json', '{'],
]) {
  test(`${input} is aborted after some megabytes`, async () => {
    const chunk = Buffer.from(body.repeat(65536 / body.length));
    let sent = 0;
    const server = await stub((_, response) => {
      response.setHeader('Content-Type', type);
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
        sent += chunk.length;
      };
      response.on('drain', more);
      more();
    });
    const seen = watch(`${server.base}events/a`, { transports: [transport], after: 'oldest', retry: 60_000, patience: 60_000 });
    await until(() => seen.states.some(({ error }) => error?.message === 'endless'), () => JSON.stringify(seen.states));
    assert.ok(sent < 32 << 20, `${sent} bytes`);
    seen.handle.close();
    server.close();
  });
}

test('an endless response to a POST is aborted after some megabytes', async () => {
  const chunk = Buffer.alloc(65536, 'x');
  let sent = 0;
  const server = await stub((request, response) => {
    if (request.method !== 'POST') return;
    if (/short/.test(request.headers['idempotency-key'])) return response.writeHead(400).end('x'.repeat(1 << 20));
    const more = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      sent += chunk.length;
    };
    response.on('drain', more);
    more();
  });
  const seen = watch(`${server.base}events/a`, { transports: ['poll'], patience: 60_000, retry: 60_000 });
  await assert.rejects(seen.handle.publish('x', { key: 'short' }), ({ status, message }) => status === 400 && message.length < 300);
  seen.handle.publish('x').catch(() => {});
  await until(() => sent > 4 << 20);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(sent < 32 << 20, `${sent} bytes`);
  seen.handle.close();
  server.close();
});

/** A WebSocket server of `goldcrest.v1` that sends these messages; a function is called for each connection. */
async function webSocketServer(...messages) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => messages.forEach((message) => socket.send(typeof message === 'function' ? message() : message)));
  await new Promise((resolve) => server.on('listening', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/events/a`, close: () => (server.clients.forEach((client) => client.terminate()), server.close()) };
}

for (const message of ['4000000000', '9007199254740993', '1e9', '"x"', 'null', 'true', '[]', '[{"id":"1-1","type":"t","data":"x"}]', '', 'x', Buffer.from('{}'), Buffer.from('[]\nx'), Buffer.from('\n')]) {
  test(`WebSocket: a malformed ${typeof message === 'string' ? 'text' : 'binary'} message, ${JSON.stringify(`${message}`)}, is reported as error`, async () => {
    const server = await webSocketServer(message);
    const before = process.memoryUsage().arrayBuffers;
    const seen = watch(server.url, { transports: ['websocket'], after: 'oldest', retry: 60_000 });
    await until(() => seen.handle.state === 'waiting');
    const { message: text, name } = seen.states.at(-1).error;
    assert.ok(text.length < 200 && name !== 'TypeError' && name !== 'RangeError', `${name}: ${text}`);
    assert.deepEqual(seen.events, []);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 << 20);
    seen.handle.close();
    server.close();
  });

  test(`stream: a malformed line, ${JSON.stringify(`${message}`)}, is reported as error`, async () => {
    if (!`${message}`.trim() || typeof message !== 'string') return;
    const server = await stub((_, response) => response.setHeader('Content-Type', 'application/x-ndjson').end(`${message}\n`));
    const seen = watch(`${server.base}events/a`, { transports: ['stream'], after: 'oldest', retry: 60_000 });
    await until(() => seen.handle.state === 'waiting');
    const { message: text, name } = seen.states.at(-1).error;
    assert.ok(text.length < 200 && name !== 'TypeError', `${name}: ${text}`);
    assert.ok(seen.states.every(({ state }) => state !== 'open'), 'expected no state `open`');
    seen.handle.close();
    server.close();
  });
}

test('WebSocket: a malformed message causes a reconnect, which resumes', async () => {
  let connections = 0;
  const server = await webSocketServer(() => ((connections += 1) === 1 ? '4000000000' : '{"id":"1-1","type":"t","data":"x"}'), Buffer.from('{"id":"1-2","type":"b"}\n\n\0'));
  const seen = watch(server.url, { transports: ['websocket'], after: 'oldest' });
  await seen.has('1-2');
  assert.deepEqual(seen.events, [{ id: '1-1', type: 't', data: 'x' }, { id: '1-2', type: 'b', data: new Uint8Array([10, 0]) }]);
  assert.equal(connections, 2);
  seen.handle.close();
  server.close();
});

for (const [input, type, body] of [
  ['the HTML page of a captive portal', 'text/html', '<p>log in</p>'],
  ['truncated JSON', 'application/json', '{"events":['],
  ['an object without events', 'application/json', '{}'],
  ['a number', 'application/json', '4000000000'],
  ['an array', 'application/json', '[]'],
  ['null', 'application/json', 'null'],
]) {
  test(`a poll answered by ${input} is reported as error and repeated`, async () => {
    const server = await stub((_, response, n) => {
      response.setHeader('Content-Type', n < 3 ? type : 'application/json');
      response.end(n < 3 ? body : '{"events":[{"id":"1-1","type":"message","data":"x"}],"after":"1-1"}');
    });
    const seen = watch(`${server.base}events/a`, { transports: ['poll'], after: 'oldest' });
    await seen.has('1-1');
    assert.equal(seen.states.filter(({ state, error }) => state === 'waiting' && error instanceof Error).length, 3);
    seen.handle.close();
    server.close();
  });
}

test('an error thrown by a callback is an unhandled rejection and stops nothing', async () => {
  const body = ['1-1', '1-2', '1-3'].map((id) => `${JSON.stringify({ id, type: 't', data: '' })}\n`).join('');
  const server = await stub((_, response) => response.setHeader('Content-Type', 'application/x-ndjson').write(body));
  const thrown = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', ({ message }) => thrown.push(message));
  const ids = [];
  const seen = watch(`${server.base}events/a`, { transports: ['stream'], after: 'oldest', onEvent({ id }) {
    ids.push(id);
    throw new Error(id);
  } });
  await until(() => thrown.length === 3);
  process.removeAllListeners('unhandledRejection');
  listeners.forEach((listener) => process.on('unhandledRejection', listener));
  assert.deepEqual([ids, thrown, server.at.length], [['1-1', '1-2', '1-3'], ['1-1', '1-2', '1-3'], 1]);
  seen.handle.close();
  server.close();
});
