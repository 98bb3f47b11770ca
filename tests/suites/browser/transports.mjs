// The five transports in a real browser: its EventSource, WebSocket, streaming fetch, and fetch with the default cache. First the
// resume matrix, then behaviour of browsers only: an EventSource reconnects by itself, with Last-Event-ID.

import { readFile } from 'node:fs/promises';

import { Proxy } from '../js/proxy.mjs';
import { openBrowser } from './browser.mjs';
import { checks, same } from './checks.mjs';

const base = process.env.GOLDCREST_URL;
// Between browser and server, so that a connection can be reset at any time.
const proxy = await Proxy.before(base);
const origin = proxy.base;

const { check, end } = checks('browser');
const context = await openBrowser();

// The names of channels, which the browser percent-encodes.
const prefix = `${process.env.CHANNEL_PREFIX ?? ''}browser-${process.pid}`;

// A document of the server's origin without scripts: the response to a poll.
const page = await context.newPage();
await page.goto(`${origin}events/${prefix}-blank`);
// The modules are blobs: intercepting requests for them would disable the browser's cache.
const [reader, resume] = await Promise.all(
  ['reader.js', 'resume.js'].map((file) => readFile(new URL(`../clients/${file}`, import.meta.url), 'utf8')));
await page.evaluate(async ([reader, resume]) => {
  const url = (source) => URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const first = url(reader);
  const second = url(resume.replace('./reader.js', first));
  Object.assign(globalThis, await import(first), await import(second));
}, [reader, resume]);

await check('each transport resumes from every other', async () => {
  const checked = await page.evaluate(([origin, prefix]) => resumeMatrix(origin, prefix), [origin, prefix]);
  if (checked !== 75) throw new Error(`expected 75 situations, found ${checked}`);
});

await check('EventSource reconnects by itself and loses no event', async () => {
  const channel = `${prefix}-cut`;
  const say = (data) => page.evaluate(([origin, channel, data]) => publish(origin, channel, data), [origin, channel, data]);
  const before = await say('before');
  await page.evaluate(async ([origin, channel, after]) => {
    globalThis.source = await new Reader('sse', origin, channel, { after }).open();
  }, [origin, channel, before.id]);
  const ids = (count) => page.evaluate((count) => globalThis.source.ids(count), count);
  for (const round of [1, 2]) {
    const first = (await say(`one ${round}`)).id;
    same(await ids(1), [first], 'ids while connected');
    // All connections are reset for a while.
    proxy.rule = () => ({ refuse: true });
    proxy.cut();
    const missed = [];
    for (const data of ['two', 'three']) {
      const response = await fetch(new URL(`events/${channel}`, base), { method: 'POST', body: data, headers: { 'content-type': 'text/plain' } });
      missed.push((await response.json()).id);
    }
    proxy.rule = () => ({});
    same(await ids(2), missed, 'ids after the reconnect');
    same(proxy.lastEventIds.at(-1), first, 'Last-Event-ID');
  }
  await page.evaluate(() => globalThis.source.close());
});

await check('a fetch with the default cache returns new events', async () => {
  const channel = `${prefix}-cache`;
  const seen = await page.evaluate(async ([origin, channel]) => {
    const ids = [];
    const seen = [];
    for (const data of ['one', 'two', 'three']) {
      ids.push((await publish(origin, channel, data)).id);
      // The same URL each time, and nothing said about caches.
      const response = await fetch(new URL(`events/${channel}`, origin));
      const { events } = await response.json();
      seen.push([response.status, events.map(({ id }) => id).join() === ids.join()]);
    }
    return seen;
  }, [origin, channel]);
  same(seen, [[200, true], [200, true], [200, true]], 'results of each fetch');
});

await check('a page of another origin is rejected', async () => {
  const other = await context.newPage();
  await other.goto(`http://localhost:${new URL(origin).port}/events/${prefix}-other`);
  const outcome = await other.evaluate(async ([origin, channel]) => {
    const url = new URL(`events/${channel}`, origin);
    const read = await fetch(url).then(() => 'read', () => 'refused');
    const written = await fetch(url, { method: 'POST', mode: 'no-cors', body: 'evil' }).then(() => 'sent', () => 'refused');
    const socket = await new Promise((resolve) => {
      const socket = new WebSocket(url.href.replace('http', 'ws'));
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    });
    return { read, written, socket };
  }, [origin, `${prefix}-other`]);
  same([outcome.read, outcome.socket], ['refused', 'refused'], 'results of the page');
  const stored = await (await fetch(new URL(`events/${prefix}-other`, base))).json();
  same(stored.events, [], 'events stored by its POST');
  await other.close();
});

await context.close();
await proxy.close();
end();
