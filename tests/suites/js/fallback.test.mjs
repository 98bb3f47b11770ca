// The choice of the transport: fallback and retry of better ones, without a lost or repeated event.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Proxy } from './proxy.mjs';
import { stub } from './stub.mjs';
import { base, channel, publish, stored, subscribe, TRANSPORTS, until, watch } from './harness.mjs';

/** Publishes continuously; `stop()` resolves to all ids. */
function publisher(name) {
  const ids = [];
  let on = true;
  const done = (async () => {
    while (on) {
      ids.push(await publish(name, `${ids.length}`));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  return { ids, stop: async () => ((on = false), await done, ids) };
}

/** The transports requested through the proxy, in order, without repetitions. (Polls are left out: one looks up the newest id.) */
const transportsTried = (proxy) =>
  proxy.requests
    .map((line) => /transport=(\w+)/.exec(line)?.[1])
    .filter((name, at, all) => name && name !== 'poll' && all.indexOf(name) === at);

async function withProxy(rule, run) {
  const proxy = await Proxy.before(base, rule);
  try {
    await run(proxy);
  } finally {
    await proxy.close();
  }
}

test('a new subscription uses WebSocket and starts with the next event', async () => {
  const name = channel('top');
  await publish(name, 'earlier');
  const seen = watch(`${base}events/${name}`);
  await seen.is('websocket');
  const id = await publish(name, 'now');
  await seen.has(id);
  assert.deepEqual(seen.ids, [id]);
  assert.deepEqual(seen.worked, ['websocket']);
  seen.handle.close();
});

test('`newest` is the first successful connect: a disconnect afterwards loses no event', async () => {
  for (const transport of TRANSPORTS) {
    await withProxy(() => ({}), async (proxy) => {
      const name = channel('newest');
      await publish(name, 'earlier');
      const seen = watch(`${proxy.base}events/${name}`, { transports: [transport] });
      await seen.is(transport);
      // Disconnected before the first event.
      let down = true;
      proxy.rule = () => ({ refuse: down });
      proxy.cut();
      const ids = [await publish(name, 'a'), await publish(name, 'b')];
      down = false;
      await seen.has(ids.at(-1));
      assert.deepEqual(seen.ids, ids, transport);
      seen.handle.close();
    });
  }
});

test('a proxy that removes Upgrade: falls back to SSE', async () => {
  await withProxy(() => ({ strip: true }), async (proxy) => {
    const name = channel('strip');
    const seen = watch(`${proxy.base}events/${name}`);
    await seen.is('sse');
    const id = await publish(name);
    await seen.has(id);
    assert.deepEqual(seen.worked, ['sse']);
    seen.handle.close();
  });
});

for (const hold of ['all', 'body']) {
  test(`a proxy that buffers endless responses (${hold}): falls back to long polling`, async () => {
    // A time-out that only this test ends, once the proxy holds a response: no response is late, however loaded the machine is.
    const NEVER = 2 ** 30;
    const { setTimeout } = globalThis;
    const timeouts = new Map();
    globalThis.setTimeout = (call, ms, ...rest) => {
      const timer = setTimeout(call, ms, ...rest);
      if (ms === NEVER) timeouts.set(timer, call);
      return timer;
    };
    try {
      await withProxy(() => ({ strip: true, hold }), async (proxy) => {
        const name = channel('hold');
        const seen = watch(`${proxy.base}events/${name}`, { patience: NEVER });
        await until(() => proxy.held === 1);
        assert.deepEqual(transportsTried(proxy), ['websocket', 'sse']);
        const [timer, timeOut] = [...timeouts].at(-1);
        clearTimeout(timer);
        timeOut();
        await seen.is('longpoll');
        assert.deepEqual(transportsTried(proxy), ['websocket', 'sse', 'longpoll'], 'one time-out, then the transport that works');
        const ids = [await publish(name), await publish(name)];
        await seen.has(ids[1]);
        assert.deepEqual(seen.ids, ids);
        assert.deepEqual(seen.worked, ['longpoll'], 'a stream was not tried');
        seen.handle.close();
      });
    } finally {
      globalThis.setTimeout = setTimeout;
    }
  });
}

test('a proxy that ends slow responses: falls back to polling', async () => {
  const name = channel('short');
  // Only a poll is answered in time.
  const slow = (url, init) => (/transport=poll/.test(url) ? fetch(url, init) : new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(init.signal.reason))));
  const seen = watch(`${base}events/${name}`, { WebSocket: undefined, patience: 50, fetch: slow, retryBetterAfter: 100_000 });
  await seen.is('poll');
  const id = await publish(name);
  await seen.has(id);
  assert.deepEqual(seen.worked, ['poll']);
  seen.handle.close();
});

test('better transports are retried while events arrive, without a loss', async () => {
  let rule = { strip: true, hold: 'all' };
  await withProxy(() => rule, async (proxy) => {
    const name = channel('better');
    const talk = publisher(name);
    await until(() => talk.ids.length > 0);
    const seen = watch(`${proxy.base}events/${name}`, { after: 'oldest', patience: 1000 });
    await seen.is('longpoll');
    rule = { strip: true };
    await seen.is('sse');
    rule = {};
    await seen.is('websocket');
    rule = { strip: true };
    proxy.cut();
    await seen.is('sse');
    rule = {};
    await seen.is('websocket');
    await until(() => seen.events.length > 100);
    const ids = await talk.stop();
    await seen.has(ids.at(-1));
    assert.deepEqual(seen.ids, ids);
    assert.deepEqual(seen.gaps, []);
    assert.deepEqual(seen.worked, ['longpoll', 'sse', 'websocket', 'sse', 'websocket']);
    seen.handle.close();
  });
});

test('failed retries of a better transport disturb nothing and become rarer', async () => {
  await withProxy(() => ({ strip: true }), async (proxy) => {
    const name = channel('vain');
    const seen = watch(`${proxy.base}events/${name}`, { retryBetterAfter: 30 });
    await seen.is('sse');
    const tries = () => proxy.requests.filter((line) => /transport=websocket/.test(line)).length;
    const before = tries();
    const at = [];
    for (let count = 1; count <= 4; count += 1) {
      await until(() => tries() >= before + count);
      at.push(performance.now());
    }
    assert.ok(at[3] - at[2] > at[1] - at[0], `${at}`);
    const id = await publish(name);
    await seen.has(id);
    assert.deepEqual(seen.states.filter(({ state }) => state === 'open').length, 1);
    seen.handle.close();
  });
});

test('random disconnects under load: each event once, in order', async () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const rule = () => ({ cut: Math.floor(random() * 6000), how: random() < 0.5 ? 'end' : 'reset', strip: random() < 0.4, refuse: random() < 0.1, delay: random() < 0.2 ? 3 : 0 });
  await withProxy(rule, async (proxy) => {
    const name = channel('storm');
    const talk = publisher(name);
    await until(() => talk.ids.length > 0);
    const seen = watch(`${proxy.base}events/${name}`, { after: 'oldest', retryBetterAfter: 5, patience: 100 });
    await until(() => seen.events.length > 600, () => `${seen.events.length} events, ${JSON.stringify(seen.states.slice(-5))}`);
    const ids = await talk.stop();
    await seen.has(ids.at(-1));
    assert.deepEqual(seen.ids, ids);
    assert.deepEqual(seen.gaps, []);
    assert.ok(seen.worked.length > 3, `${seen.worked}`);
    seen.handle.close();
  });
});

for (const transport of TRANSPORTS) {
  test(`${transport}: overwritten events are reported as one gap`, async () => {
    const name = channel('gap');
    const first = await publish(name, 'first');
    for (let count = 0; count < 1100; count += 1) await publish(name, 'x');
    const kept = (await stored(name)).map(({ id }) => id);
    const seen = watch(`${base}events/${name}`, { after: first, transports: [transport] });
    await seen.has(kept.at(-1));
    const next = await publish(name, 'next');
    await seen.has(next);
    assert.deepEqual(seen.ids, [...kept, next]);
    const missed = Number(kept[0].split('-')[1]) - 2;
    assert.deepEqual(seen.gaps, [{ missed, after: `${first.split('-')[0]}-${missed + 1}` }]);
    seen.handle.close();
  });

  test(`${transport}: a new epoch is reported as a gap, followed by its events`, async () => {
    const [name, other] = [channel('life'), channel('again')];
    let path;
    await withProxy(() => ({ path }), async (proxy) => {
      const ids = [await publish(name, 'one'), await publish(name, 'two')];
      const again = [await publish(other, 'one'), await publish(other, 'two')];
      const seen = watch(`${proxy.base}events/${name}`, { after: 'oldest', transports: [transport] });
      await seen.has(ids[1]);
      path = [name, other];
      proxy.cut();
      await seen.has(again[1]);
      again.push(await publish(other, 'three'));
      await seen.has(again[2]);
      assert.deepEqual(seen.ids, [...ids, ...again]);
      assert.deepEqual(seen.gaps, [{ missed: undefined, after: `${again[0].split('-')[0]}-0` }]);
      seen.handle.close();
    });
  });
}

test('no server: the delay grows; WebSocket is used as soon as one listens', async () => {
  let refuse = true;
  await withProxy(() => ({ refuse }), async (proxy) => {
    const name = channel('down');
    const seen = watch(`${proxy.base}events/${name}`, { retry: 10, retryBetterAfter: 60_000 });
    await until(() => seen.states.filter(({ state }) => state === 'waiting').length > 5);
    assert.ok(seen.states.every(({ state }) => state !== 'open'));
    assert.ok(proxy.connections < 30, `${proxy.connections} connections`);
    refuse = false;
    await seen.is('websocket');
    seen.handle.close();
  });
});

test('503 with Retry-After: the same transport is retried after that delay', async () => {
  const server = await stub((_, response, n) => {
    if (n < 2) response.writeHead(503, { 'Retry-After': '1' }).end('full');
    else response.setHeader('Content-Type', 'application/json').end('{"events":[],"after":"0000000a-1"}');
  });
  const seen = watch(`${server.base}events/a`, { transports: ['longpoll', 'poll'], WebSocket: undefined });
  await seen.is('longpoll');
  for (const n of [1, 2]) {
    const waited = server.at[n] - server.at[n - 1];
    assert.ok(waited >= 990 && waited < 1800, `${waited} ms`);
  }
  assert.deepEqual(seen.states.map(({ state, error }) => error?.status ?? state).slice(0, 2), ['connecting', 503]);
  seen.handle.close();
  server.close();
});

for (const body of ['retry: 600\n', 'retry: 600\n\n']) {
  test(`SSE of ${JSON.stringify(body)} only is an overloaded server: no fallback`, async () => {
    const server = await stub((_, response, n) => {
      response.setHeader('Content-Type', 'text/event-stream');
      if (n < 1) response.end(body);
      else response.write('retry: 1\nid: 0000000a-1\n\n');
    });
    const seen = watch(`${server.base}events/a`, { transports: ['sse', 'poll'] });
    await seen.is('sse');
    const waited = server.at[1] - server.at[0];
    assert.ok(waited >= 595 && waited < 1200, `${waited} ms`);
    seen.handle.close();
    server.close();
  });
}

test('retry: at the end of a stream applies without a blank line', async () => {
  const server = await stub((_, response) => {
    response.setHeader('Content-Type', 'text/event-stream');
    response.end('retry: 5000\nid: 0000000a-1\n\n:\nretry: 600\n');
  });
  const seen = watch(`${server.base}events/a`, { transports: ['sse'] });
  await until(() => server.at.length > 2);
  const waited = server.at.slice(1).map((at, n) => at - server.at[n]);
  assert.ok(waited.every((ms) => ms >= 595 && ms < 1100), `${waited}`);
  seen.handle.close();
  server.close();
});

test('the reconnection time of the server is kept, with jitter', async () => {
  const server = await stub((_, response) => {
    response.setHeader('Content-Type', 'text/event-stream');
    response.end('retry: 600\nid: 0000000a-1\n\n');
  });
  const seen = watch(`${server.base}events/a`, { transports: ['sse'] });
  await until(() => server.at.length > 6);
  const waited = server.at.slice(1).map((at, n) => at - server.at[n]);
  assert.ok(waited.every((ms) => ms >= 595 && ms < 1100), `${waited}`);
  assert.ok(Math.max(...waited) - Math.min(...waited) > 3, `${waited}`);
  seen.handle.close();
  server.close();
});

/** The number of requests to a server within `ms`, by a subscription with a reconnection time of 1 ms. */
async function requestsTo(respond, ms, options) {
  const server = await stub(respond);
  const seen = watch(`${server.base}events/a`, { transports: ['sse'], ...options });
  await new Promise((resolve) => setTimeout(resolve, ms));
  seen.handle.close();
  server.close();
  return server.at.length;
}

for (const [value, least, most] of [['0', 2, 3], ['1', 2, 3], ['99999999999999999999', 1, 1], ['9999999999', 1, 1]]) {
  test(`retry: ${value} is clamped to the permitted range`, async () => {
    const count = await requestsTo((_, response) => {
      response.setHeader('Content-Type', 'text/event-stream');
      response.end(`retry: ${value}\nid: 0000000a-1\n\n`);
    }, 1300);
    assert.ok(count >= least && count <= most, `${count} requests`);
  });
}

for (const value of ['abc', '-1', '1e9', '0x10', '5 ', '']) {
  test(`retry: "${value}" is ignored (WHATWG HTML §9.2.6)`, async () => {
    const count = await requestsTo((_, response) => {
      response.setHeader('Content-Type', 'text/event-stream');
      response.end(`retry: ${value}\nid: 0000000a-1\n\n`);
    }, 1300, { retry: 600 });
    assert.ok(count >= 2 && count <= 3, `${count} requests`);
  });
}

for (const [value, most] of [['4294967295', 1], ['2147484', 1], ['0', 3]]) {
  test(`Retry-After: ${value} is clamped to the permitted range`, async () => {
    const count = await requestsTo((_, response) => response.writeHead(503, { 'Retry-After': value }).end(), 1300);
    assert.ok(count <= most, `${count} requests`);
  });
}

for (const value of ['-1', '1.5', 'Fri, 31 Dec 9999 23:59:59 GMT']) {
  test(`Retry-After: ${value} is ignored`, async () => {
    const count = await requestsTo((_, response) => response.writeHead(503, { 'Retry-After': value }).end(), 1300, { retry: 600 });
    assert.ok(count >= 2 && count <= 3, `${count} requests`);
  });
}

test('the delay before a reconnect is at most 90 s', async () => {
  const { setTimeout } = globalThis;
  const waits = [];
  // Each delay ends at once; the requested one is recorded.
  globalThis.setTimeout = (call, ms, ...rest) => setTimeout(call, (waits.push(ms), Math.min(ms, 1)), ...rest);
  try {
    const handle = subscribe('http://127.0.0.1:9/', { transports: ['poll'], retry: 1000, patience: 7, fetch: () => Promise.reject(new TypeError('no server')) });
    await until(() => waits.length > 3000);
    handle.close();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  const most = Math.max(...waits);
  assert.ok(most > 60_000 && most <= 90_000, `${most} ms`);
});

test('the poll interval may exceed the response time-out', async () => {
  const server = await stub((_, response) => response.end('{"events":[],"after":"0000000a-1"}'));
  const seen = watch(`${server.base}events/a`, { transports: ['poll'], pollInterval: 1500, patience: 1000 });
  await until(() => server.at.length > 3);
  assert.deepEqual(seen.states.map(({ state }) => state), ['connecting', 'open']);
  seen.handle.close();
  server.close();
});

test('a fragment of the URL is not sent', async () => {
  for (const transport of TRANSPORTS) {
    const name = channel('fragment');
    for (const [at, query] of ['', '?page=js', '?'].entries()) {
      const seen = watch(`${base}events/${name}${query}#top?a&b`, { transports: [transport] });
      await seen.is(transport);
      const id = await seen.handle.publish(`${at}`);
      await seen.has(id);
      seen.handle.close();
    }
    assert.deepEqual((await stored(name)).map(({ data }) => data), ['0', '1', '2'], transport);
  }
});

test('no usable transport: closed at once, with an error that names them', async () => {
  const { WebSocket } = globalThis;
  globalThis.WebSocket = undefined;
  try {
    const seen = watch(`${base}events/none`, { transports: ['websocket'], WebSocket: undefined });
    assert.equal(seen.handle.state, 'closed');
    assert.match(seen.states.at(-1).error.message, /websocket/);
    await assert.rejects(seen.handle.publish('x'), /websocket/);
    seen.handle.close();
    assert.equal(seen.states.length, 1);
  } finally {
    globalThis.WebSocket = WebSocket;
  }
});

test('an unknown transport throws a TypeError', () => {
  for (const transports of [['fax'], ['sse', 'fax'], ['SSE'], ['']]) {
    assert.throws(() => watch(`${base}events/none`, { transports }), (error) => error instanceof TypeError && error.message === `no transport ${transports.at(-1)}`);
  }
});

for (const status of [204, 401, 403, 404, 410]) {
  test(`${status} closes the subscription, with the status as error`, async () => {
    const server = await stub((_, response) => response.writeHead(status).end());
    const seen = watch(`${server.base}events/a`);
    await until(() => seen.handle.state === 'closed');
    assert.equal(seen.states.at(-1).error.status, status);
    const { length } = server.at;
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(server.at.length, length);
    await assert.rejects(seen.handle.publish('x'));
    server.close();
  });
}

test('a silent connection is replaced at the idle timeout and resumes', async () => {
  const name = channel('silent');
  let dead = false;
  await withProxy(() => ({}), async (proxy) => {
    const seen = watch(`${proxy.base}events/${name}`, { idleTimeout: 500, patience: 500 });
    await seen.is('websocket');
    await new Promise((resolve) => setTimeout(resolve, 2000)); // it responds to probes, so it is kept
    assert.equal(seen.states.filter(({ state }) => state === 'open').length, 1);
    proxy.mute();
    dead = true;
    const id = await publish(name);
    await seen.has(id);
    assert.ok(dead && seen.states.some(({ error }) => error?.message === 'silent'));
    assert.deepEqual(seen.ids, [id]);
    seen.handle.close();
  });
});

test('after close no callback is called and no request is sent', async () => {
  await withProxy(() => ({}), async (proxy) => {
    for (const transport of TRANSPORTS) {
      const name = channel('close');
      const ids = [];
      for (let count = 0; count < 10; count += 1) ids.push(await publish(name));
      const seen = watch(`${proxy.base}events/${name}`, { transports: [transport], after: 'oldest', onEvent: (event) => {
        seen.events.push(event);
        if (event.id === ids[4]) seen.handle.close();
      } });
      await until(() => seen.handle.state === 'closed');
      const { length } = proxy.requests;
      await publish(name);
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.deepEqual(seen.ids, ids.slice(0, 5), transport);
      assert.equal(seen.handle.cursor, ids[4]);
      assert.equal(proxy.requests.length, length);
      assert.equal(seen.states.at(-1).state, 'closed');
    }
  });
});
