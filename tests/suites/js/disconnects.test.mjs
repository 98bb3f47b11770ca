// A connection that ends at any byte of a response, by a reset or by FIN, loses and repeats no event.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Proxy } from './proxy.mjs';
import { base, channel, publish, stored, subscribe, TRANSPORTS, until, watch, WebSocket } from './harness.mjs';

const AT_ONCE = 24;

/** Runs `each(n, lane)` for n from 0 to `most`, one at a time in each lane. */
async function all(most, each) {
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async (_, lane) => {
    while (next <= most) await each(next++, lane);
  }));
}

for (const transport of TRANSPORTS) {
  for (const how of ['reset', 'end']) {
    test(`${transport}: ${how === 'end' ? 'FIN' : 'reset'} at every byte: each event once, in order`, async () => {
      const name = channel('cut');
      const before = await publish(name, 'before');
      const ids = [await publish(name, 'grün\r\n\u0000"\\'), await publish(name, new Uint8Array([0, 10, 255]), { type: 'bin' }), await publish(name, '', { type: 'empty' })];
      const data = transport === 'sse' ? 'grün\n\u0000"\\' : 'grün\r\n\u0000"\\';

      // The length of the response without a fault.
      const whole = await Proxy.before(base);
      const seen = watch(`${whole.base}events/${name}`, { after: before, transports: [transport] });
      await seen.has(ids.at(-1));
      const length = whole.answered;
      seen.handle.close();
      await whole.close();
      assert.ok(length > 250, `${length} bytes`);

      await all(length + 1, async (at) => {
        const proxy = await Proxy.before(base, (n) => (n === 0 ? { cut: at, how } : {}));
        const seen = watch(`${proxy.base}events/${name}`, { after: before, transports: [transport] });
        await seen.has(ids.at(-1));
        if (at === 0 || transport === 'poll') await new Promise((resolve) => setTimeout(resolve, 20)); // a repeated event would arrive within this
        assert.deepEqual(seen.ids, ids, `cut at ${at}`);
        assert.deepEqual(seen.events.map(({ type, data }) => [type, data]), [['message', data], ['bin', new Uint8Array([0, 10, 255])], ['empty', '']], `cut at ${at}`);
        assert.deepEqual(seen.gaps, []);
        assert.equal(seen.handle.cursor, ids.at(-1));
        seen.handle.close();
        await proxy.close();
      });
    });
  }
}

test('POST: a reset at every byte of request and response: stored once', async () => {
  const name = channel('post');
  const data = [];
  await all(420, async (at) => {
    for (const rule of [{ cut: at }, { cutRequest: at }]) {
      const proxy = await Proxy.before(base, (n) => (n === 0 ? rule : {}));
      const handle = subscribe(`${proxy.base}events/${name}`, { transports: ['poll'], pollInterval: 60_000, retry: 1, after: 'oldest', fetch: (url, init) => (init.method ? fetch(url, init) : new Promise(() => {})) });
      const text = `${Object.keys(rule)} ${at}`;
      data.push(text);
      assert.match(await handle.publish(text), /^[0-9a-f]+-\d+$/);
      handle.close();
      await proxy.close();
    }
  });
  assert.deepEqual((await stored(name)).map((event) => event.data).sort(), data.sort());
});

test('WebSocket: a reset at every byte, both ways: publications stored once, in order', async () => {
  let lost = 0;
  const names = Array.from({ length: AT_ONCE }, () => channel('ws'));
  await all(640, async (at, lane) => {
    for (const rule of [{ cut: at }, { cutRequest: at }]) {
      const name = names[lane];
      const after = await publish(name, 'before');
      const proxy = await Proxy.before(base, (n) => (n === 0 ? rule : {}));
      const handle = subscribe(`${proxy.base}events/${name}`, { transports: ['websocket'], after, retry: 1, WebSocket, onState: ({ state }) => state === 'waiting' && (lost += 1) });
      await until(() => handle.state === 'open' || lost);
      const data = Array.from({ length: 4 }, (_, number) => `${number}`);
      const ids = await Promise.all(data.map((text) => handle.publish(text)));
      const events = await stored(name, after);
      assert.deepEqual(events.map((event) => event.data), data, `${Object.keys(rule)} ${at}`);
      assert.deepEqual(events.map((event) => event.id), ids);
      assert.equal(handle.bufferedAmount, 0);
      handle.close();
      await proxy.close();
    }
  });
  assert.ok(lost > 200, `${lost} connections broke`);
});
