// Publishing: the stored events, and the result for the publisher.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { stub } from './stub.mjs';
import { base, channel, stored, until, watch } from './harness.mjs';

for (const transport of ['websocket', 'poll']) {
  test(`text and bytes, with and without a type, over ${transport === 'poll' ? 'POST' : 'WebSocket'}`, async () => {
    const name = channel('pub');
    const seen = watch(`${base}events/${name}`, { transports: [transport], after: 'oldest' });
    await seen.is(transport);
    const view = new Uint8Array([9, 1, 2, 255, 9]).subarray(1, 4);
    const ids = await Promise.all([
      seen.handle.publish('grün "\\\n\u0000'), seen.handle.publish('on', { type: 'led ä' }), seen.handle.publish(''),
      seen.handle.publish(view), seen.handle.publish(new Uint8Array([10, 13]).buffer, { type: 'bin' }), seen.handle.publish(new Uint8Array()),
    ]);
    await seen.has(ids.at(-1));
    assert.deepEqual(seen.ids, ids);
    assert.deepEqual(seen.events.map(({ type, data }) => [type, data]), [
      ['message', 'grün "\\\n\u0000'], ['led ä', 'on'], ['message', ''],
      ['message', new Uint8Array([1, 2, 255])], ['bin', new Uint8Array([10, 13])], ['message', new Uint8Array()],
    ]);
    seen.handle.close();
  });

  test(`100 concurrent publications keep their order, over ${transport === 'poll' ? 'POST' : 'WebSocket'}`, async () => {
    const name = channel('many');
    const seen = watch(`${base}events/${name}`, { transports: [transport], after: 'oldest' });
    await seen.is(transport);
    const data = Array.from({ length: 100 }, (_, number) => `ü${number}`);
    const all = Promise.all(data.map((text) => seen.handle.publish(text)));
    assert.equal(seen.handle.bufferedAmount, new Blob(data).size);
    await all;
    assert.equal(seen.handle.bufferedAmount, 0);
    assert.deepEqual((await stored(name)).map((event) => event.data), data);
    seen.handle.close();
  });

  test(`the same key is stored once, and an error rejects, over ${transport === 'poll' ? 'POST' : 'WebSocket'}`, async () => {
    const name = channel('key');
    const seen = watch(`${base}events/${name}`, { transports: [transport], after: 'oldest' });
    await seen.is(transport);
    const [one, two] = [await seen.handle.publish('a', { key: 'k' }), await seen.handle.publish('a', { key: 'k' })];
    assert.equal(one, two);
    await assert.rejects(seen.handle.publish('x', { type: 'gap' }), /reserved/);
    await assert.rejects(seen.handle.publish('x'.repeat(1 << 20)), transport === 'poll' ? /413/ : Error);
    await seen.handle.publish('after');
    assert.deepEqual((await stored(name)).map((event) => event.data), ['a', 'after']);
    seen.handle.close();
  });
}

test('POST is repeated after the Retry-After of a 503', async () => {
  const server = await stub((request, response, n) => {
    if (request.method !== 'POST') return;
    if (n < 2) response.writeHead(503, { 'Retry-After': '1' }).end();
    else response.writeHead(202).end('{"id":"1-1","subscribers":0}');
  });
  const seen = watch(`${server.base}events/a`, { transports: ['longpoll'], patience: 60_000 });
  const began = performance.now();
  assert.equal(await seen.handle.publish('x'), '1-1');
  assert.ok(performance.now() - began > 990);
  seen.handle.close();
  server.close();
});

test('close rejects unconfirmed and later publications', async () => {
  const server = await stub(() => {});
  const seen = watch(`${server.base}events/a`, { transports: ['poll'] });
  const publication = seen.handle.publish('x');
  await until(() => server.at.length === 2);
  seen.handle.close();
  await assert.rejects(publication, /closed/);
  await assert.rejects(seen.handle.publish('y'), /closed/);
  assert.equal(seen.handle.bufferedAmount, 0);
  server.close();
});

test('publishing works while no transport for reading does', async () => {
  const name = channel('unread');
  const seen = watch(`${base}events/${name}`, { transports: ['sse'], fetch: (url, init) => (init.method ? fetch(url, init) : Promise.reject(new TypeError('no'))) });
  assert.match(await seen.handle.publish('x'), /-1$/);
  seen.handle.close();
});
