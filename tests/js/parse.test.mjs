// What servers say, well and badly: the same events however it is cut, and memory that stays bounded.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { stub } from './stub.mjs';
import { until, watch } from './subject.mjs';

/** What a subscription over `transport` makes of `body`, sent in pieces that end at `cuts`, until `last` was heard. */
async function heard(transport, type, body, last, cuts = []) {
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

// WHATWG HTML §9.2.6, what of it a stream with ids can show.
const STREAMS = [
  ['a field has one space taken', 'id:1-1\ndata:  a \n\n', ['message', ' a ']],
  ['a field may have none', 'id:1-1\ndata:a\n\n', ['message', 'a']],
  ['lines are joined by a line feed', 'id:1-1\ndata:a\ndata\ndata:b\n\n', ['message', 'a\n\nb']],
  ['lines end by CR LF', 'id:1-1\r\ndata:a\r\n\r\n', ['message', 'a']],
  ['lines end by CR', 'id:1-1\rdata:a\r\r:\n', ['message', 'a']],
  ['a byte order mark is passed over', '\ufeffid:1-1\ndata:a\n\n', ['message', 'a']],
  ['comments and unknown fields are passed over', ':c\nfoo:bar\nid:1-1\n: x\ndata:a\ndata2:b\n Data:c\n\n', ['message', 'a']],
  ['an event has its type', 'id:1-1\nevent:led\ndata:on\n\n', ['led', 'on']],
  ['an empty type is message', 'id:1-1\nevent:\ndata:on\n\n', ['message', 'on']],
  ['the last type counts', 'id:1-1\nevent:a\nevent:b\ndata:x\n\n', ['b', 'x']],
  ['a colon may be in a value', 'id:1-1\ndata:a:b: c\n\n', ['message', 'a:b: c']],
  ['empty data is an event', 'id:1-1\ndata:\n\n', ['message', '']],
  ['bytes are Base64', 'id:1-1\nevent:pic;base64\ndata:AAH/\n\n', ['pic', new Uint8Array([0, 1, 255])]],
  ['text has more than one byte a character', 'id:1-1\ndata:zwölf €, 𝄞\n\n', ['message', 'zwölf €, 𝄞']],
];

for (const [what, stream, [type, data]] of STREAMS) {
  test(`SSE: ${what}, however it is cut`, async () => {
    const body = `${stream}id:1-2\ndata:end\n\n`;
    const { length } = Buffer.from(body);
    const each = Array.from({ length }, (_, at) => at + 1);
    for (const cuts of [[], each, ...each.map((at) => [at])]) {
      const seen = await heard('sse', 'text/event-stream', body, '1-2', cuts);
      assert.deepEqual(seen.events, [{ id: '1-1', type, data }, { id: '1-2', type: 'message', data: 'end' }], `${cuts}`);
    }
  });
}

test('SSE: a type does not outlive its event, and a block without data is none', async () => {
  const seen = await heard('sse', 'text/event-stream', 'id:1-1\nevent:a\n\nid:1-2\ndata:x\n\nid: 1-3\nevent: gap\ndata: {"missed":1}\n\nid:1-4\ndata:y\n\n', '1-4');
  assert.deepEqual(seen.events, [{ id: '1-2', type: 'message', data: 'x' }, { id: '1-4', type: 'message', data: 'y' }]);
  assert.deepEqual(seen.gaps, [{ missed: 1, after: '1-3' }]);
});

test('what came before is not handed over again', async () => {
  const line = (id) => `${JSON.stringify({ id, type: 't', data: id })}\n`;
  const seen = await heard('stream', 'application/x-ndjson', ['1-1', '1-2', '1-1', '1-2', '1-10', '1-9', '2-1'].map(line).join('\n'), '2-1');
  assert.deepEqual(seen.ids, ['1-1', '1-2', '1-10', '2-1']);
});

for (const [what, transport, type, body] of [
  ['an endless line', 'stream', 'application/x-ndjson', 'x'],
  ['an endless field', 'sse', 'text/event-stream', 'x'],
  ['an endless event', 'sse', 'text/event-stream', 'data:xxxxxxxx\n'],
]) {
  test(`${what} is given up after some megabytes`, async () => {
    const piece = Buffer.from(body.repeat(65536 / body.length));
    let sent = 0;
    const server = await stub((_, response) => {
      response.setHeader('Content-Type', type);
      const more = () => {
        while (!response.destroyed && response.write(piece)) sent += piece.length;
        sent += piece.length;
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

for (const [what, type, body] of [
  ['a page of somebody between', 'text/html', '<p>log in</p>'],
  ['no JSON', 'application/json', '{"events":['],
  ['something else', 'application/json', '{}'],
]) {
  test(`${what} is a failure that is told, and tried again`, async () => {
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

test('what a callback throws is reported, and stops nothing', async () => {
  const body = ['1-1', '1-2', '1-3'].map((id) => `${JSON.stringify({ id, type: 't', data: '' })}\n`).join('');
  const server = await stub((_, response) => response.setHeader('Content-Type', 'application/x-ndjson').write(body));
  const thrown = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', ({ message }) => thrown.push(message));
  const ids = [];
  const seen = watch(`${server.base}events/a`, { transports: ['stream'], after: 'oldest', onEvent({ id }) {
    ids.push(id);
    throw new Error(id);
  } });
  await until(() => thrown.length === 3);
  process.removeAllListeners('uncaughtException');
  listeners.forEach((listener) => process.on('uncaughtException', listener));
  assert.deepEqual([ids, thrown, server.at.length], [['1-1', '1-2', '1-3'], ['1-1', '1-2', '1-3'], 1]);
  seen.handle.close();
  server.close();
});
