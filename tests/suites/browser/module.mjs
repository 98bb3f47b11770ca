// goldcrest.js and goldcrest-shared.js in a page, in a worker, and in ten tabs that share one connection.
//
//   BROWSER  chromium (the default) or firefox

import { readFileSync } from 'node:fs';

import { Proxy } from '../js/proxy.mjs';
import { isChromium, openBrowser } from './browser.mjs';
import { checks, same } from './checks.mjs';

const server = process.env.GOLDCREST_URL;
const proxy = await Proxy.before(server);
const origin = proxy.base;
const PATIENCE = 20_000;

const { check, end } = checks('module');
const context = await openBrowser();

const prefix = `module${process.pid}`;
// The names of channels, which the browser percent-encodes.
const channels = `${process.env.CHANNEL_PREFIX ?? ''}${prefix}`;

async function until(reached, condition) {
  for (const late = Date.now() + PATIENCE; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const value = await reached();
    if (value) return value;
    if (Date.now() > late) throw new Error(`expected within ${PATIENCE} ms: ${condition}`);
  }
}

/** Publishes to the server without the browser. */
async function publish(channel, data = 'x') {
  const response = await fetch(`${server}events/${channel}`, { method: 'POST', body: data, headers: { 'Content-Type': 'text/plain' } });
  return (await response.json()).id;
}

/** The open connections with `?page=NAME`. */
async function held(name) {
  const { transports } = await (await fetch(`${server}page/figures?page=${name}`)).json();
  return Object.entries(transports).filter(([, { open }]) => open).map(([transport, { open }]) => `${transport} ${open}`).join();
}

/** A tab of the server's origin with the modules loaded: later they would wait for a free connection. */
async function tab() {
  const page = await context.newPage();
  await page.goto(`${origin}events/${channels}-blank`);
  await page.evaluate(() => Promise.all([import('/goldcrest.js'), import('/goldcrest-shared.js')]));
  return page;
}

/** Subscribes in a tab by `module`, and records the callbacks in `received`. */
const listen = (page, module, path, options = {}) => page.evaluate(async ([module, path, options]) => {
  const { subscribe } = await import(module);
  globalThis.received = { ids: [], gaps: [], states: [], data: [] };
  globalThis.handle = subscribe(path, {
    ...options,
    onEvent: ({ id, data }) => (received.ids.push(id), received.data.push(typeof data === 'string' ? data : [...data])),
    onGap: (gap) => received.gaps.push(gap),
    onState: ({ state, transport }) => received.states.push(`${state} ${transport}`),
  });
}, [module, path, options]);
const received = (page) => page.evaluate(() => ({ ...received, state: handle.state, transport: handle.transport, cursor: handle.cursor }));
const opens = (page) => until(async () => (await received(page)).state === 'open', 'the state `open`');
const receives = (page, id) => until(async () => (await received(page)).ids.includes(id), `the event ${id}`);

for (const transport of ['websocket', 'sse', 'stream', 'longpoll', 'poll']) {
  await check(`a page subscribes, publishes and resumes over ${transport}`, async () => {
    const channel = `${channels}-${transport}`;
    const page = await tab();
    await listen(page, '/goldcrest.js', `/events/${channel}`, { transports: [transport], pollInterval: 50, retry: 50 });
    await opens(page);
    const ids = [await page.evaluate(() => handle.publish('grün')), await page.evaluate(() => handle.publish(new Uint8Array([0, 255]), { type: 'bin' }))];
    await receives(page, ids[1]);
    // All connections are reset for a while.
    proxy.rule = () => ({ refuse: true });
    proxy.cut();
    ids.push(await publish(channel, 'one'), await publish(channel, 'two'));
    proxy.rule = () => ({});
    await receives(page, ids[3]);
    const seen = await received(page);
    same([seen.ids, seen.gaps, seen.data], [ids, [], ['grün', [0, 255], 'one', 'two']], 'ids');
    await page.close();
  });
}

await check('each sample of the READMEs for a page runs unchanged', async () => {
  const samples = ['README.md', 'core/js/README.md'].flatMap((path) => {
    const text = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
    return [...text.matchAll(/```js\n([^]*?)```/g)].map(([, sample]) => sample).filter((sample) => sample.includes("from '/"));
  });
  same(samples.length, 4, 'samples');
  for (const sample of samples) {
    const page = await tab();
    const outcome = await page.evaluate((sample) => new Promise((resolve) => {
      addEventListener('error', ({ message }) => resolve(message));
      addEventListener('unhandledrejection', ({ reason }) => resolve(String(reason)));
      globalThis.ran = () => resolve('ran');
      document.body.append(Object.assign(document.createElement('script'), { type: 'module', textContent: `${sample}\nran();` }));
    }), sample);
    same(outcome, 'ran', sample);
    await page.close();
  }
});

await check('a proxy removes Upgrade: SSE is used, then WebSocket as soon as possible', async () => {
  const channel = `${channels}-fall`;
  const page = await tab();
  proxy.rule = () => ({ strip: true });
  proxy.cut();
  await listen(page, '/goldcrest.js', `/events/${channel}`, { retryBetterAfter: 200, retry: 50 });
  await until(async () => (await received(page)).states.at(-1) === 'open sse', 'sse');
  const ids = [await publish(channel)];
  await receives(page, ids[0]);
  proxy.rule = () => ({});
  await until(async () => (await received(page)).states.at(-1) === 'open websocket', 'websocket');
  ids.push(await publish(channel));
  await receives(page, ids[1]);
  same((await received(page)).ids, ids, 'ids');
  await page.close();
});

await check('the event `online` ends the delay before a reconnect', async () => {
  const channel = `${channels}-online`;
  const page = await tab();
  await listen(page, '/goldcrest.js', `/events/${channel}`, { transports: ['sse'] });
  await opens(page);
  proxy.rule = () => ({ refuse: true });
  proxy.cut();
  await until(async () => (await received(page)).states.filter((state) => state === 'waiting sse').length > 3, 'four attempts');
  proxy.rule = () => ({});
  await page.evaluate(() => dispatchEvent(new Event('online')));
  const begun = Date.now();
  await opens(page);
  if (Date.now() - begun > 2000) throw new Error(`expected a reconnect within 2000 ms, found ${Date.now() - begun} ms`);
  await page.close();
});

await check('a worker subscribes and publishes', async () => {
  const channel = `${channels}-worker`;
  const page = await tab();
  const seen = await page.evaluate(async ([origin, channel]) => {
    const script = `import { subscribe } from '${origin}goldcrest.js';
      const ids = [];
      const onEvent = ({ id }) => {
        ids.push(id);
        if (ids.length === 2) postMessage({ ids });
      };
      const handle = subscribe('${origin}events/${channel}', { after: 'oldest', onEvent });
      await handle.publish('a');
      await handle.publish('b');`;
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), { type: 'module' });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
  }, [origin, channel]);
  const { events } = await (await fetch(`${server}events/${channel}`)).json();
  same(seen.ids, events.map(({ id }) => id), 'ids');
  await page.close();
});

await check('without sharing, ten tabs with SSE use all six connections; four wait', async () => {
  const tabs = await Promise.all(Array.from({ length: 10 }, tab));
  await Promise.all(tabs.map((page) => listen(page, '/goldcrest.js', `/events/${channels}-six?page=${prefix}six`, { transports: ['sse'], patience: 60_000 })));
  await until(async () => (await held(`${prefix}six`)) === 'sse 6', 'six open connections');
  const states = await Promise.all(tabs.map(async (page) => (await received(page)).state));
  same(states.filter((state) => state === 'open').length, 6, 'the number of tabs in the state `open`');
  await Promise.all(tabs.map((page) => page.close()));
});

for (const transport of ['sse', 'websocket']) {
  await check(`ten tabs share one connection (${transport}): all receive, fetch and publish`, async () => {
    const channel = `${channels}-ten-${transport}`;
    const name = `${prefix}ten${transport}`;
    const path = `/events/${channel}?page=${name}`;
    const options = { transports: [transport], retry: 50 };
    const tabs = await Promise.all(Array.from({ length: 10 }, tab));
    await Promise.all(tabs.map((page) => listen(page, '/goldcrest-shared.js', path, options)));
    await Promise.all(tabs.map(opens));
    same(await held(name), `${transport} 1`, 'open connections');
    const ids = [];
    for (const page of tabs) ids.push(await page.evaluate(() => handle.publish('x')));
    await Promise.all(tabs.map((page) => receives(page, ids.at(-1))));
    const plain = await Promise.all(tabs.map((page) => page.evaluate((path) => fetch(path).then(({ status }) => status), `/events/${channel}`)));
    same(plain, tabs.map(() => 200), 'the statuses of fetch');

    // Three more tabs: one resumes after an id, one begins with the oldest event, one with the next.
    const [late, all, fresh] = [await tab(), await tab(), await tab()];
    await listen(late, '/goldcrest-shared.js', path, { ...options, after: ids[3] });
    await listen(all, '/goldcrest-shared.js', path, { ...options, after: 'oldest' });
    await listen(fresh, '/goldcrest-shared.js', path, options);
    await receives(late, ids.at(-1));
    await receives(all, ids.at(-1));
    await opens(fresh);

    // The first tab is closed, and the connection is reset.
    const first = tabs.shift();
    await first.goto('about:blank');
    await first.close();
    proxy.cut();
    const more = [await publish(channel), await publish(channel)];
    await Promise.all([...tabs, late, all, fresh].map((page) => receives(page, more[1])));
    for (const page of tabs) same((await received(page)).ids, [...ids, ...more], 'ids of a tab');
    same((await received(late)).ids, [...ids.slice(4), ...more], 'ids of the tab that resumed');
    same((await received(all)).ids, [...ids, ...more], 'ids of the tab from the oldest event on');
    same((await received(fresh)).ids, more, 'ids of the tab from the next event on');
    same((await received(late)).gaps, [], 'gaps');
    for (const page of tabs) same((await received(page)).states.slice(-3).map((state) => state.split(' ')[0]), ['waiting', 'connecting', 'open'], 'states after the reset');
    await until(async () => (await held(name)) === `${transport} 1`, 'one open connection');

    // The connection ends with the last tab.
    await Promise.all([...tabs, late, fresh].map((page) => page.evaluate(() => handle.close())));
    await until(async () => (await held(name)) === `${transport} 1`, 'one open connection');
    await all.close();
    await until(async () => (await held(name)) === '', 'no open connection');
    await Promise.all([...tabs, late, fresh].map((page) => page.close()));
  });
}

if (isChromium) {
  await check('a terminated shared worker is replaced', async () => {
    const channel = `${channels}-gone`;
    const tabs = await Promise.all([tab(), tab()]);
    // The page assumes a lost worker after 2 s in place of 50 s, although a live one sends probes every 20 s: then, too, it loses nothing.
    for (const page of tabs) await page.evaluate(() => {
      const { setTimeout } = globalThis;
      globalThis.setTimeout = (call, ms, ...rest) => setTimeout(call, ms === 5e4 ? 2000 : ms, ...rest);
    });
    await Promise.all(tabs.map((page) => listen(page, '/goldcrest-shared.js', `/events/${channel}`)));
    await Promise.all(tabs.map(opens));
    const ids = [];
    for (const last = Date.now() + 6000; Date.now() < last; await new Promise((resolve) => setTimeout(resolve, 50))) ids.push(await publish(channel));
    const devtools = await context.newCDPSession(tabs[0]);
    const { targetInfos } = await devtools.send('Target.getTargets', { filter: [{}] });
    const workers = targetInfos.filter(({ type, url }) => type === 'shared_worker' && url.startsWith(origin));
    if (!workers.length) throw new Error('expected a shared worker, found none');
    for (const { targetId } of workers) await devtools.send('Target.closeTarget', { targetId });
    ids.push(await publish(channel), await publish(channel));
    await Promise.all(tabs.map((page) => receives(page, ids.at(-1))));
    for (const page of tabs) same([(await received(page)).ids, (await received(page)).gaps], [ids, []], 'ids and gaps of a tab');
    await Promise.all(tabs.map((page) => page.close()));
  });
}

await check('without SharedWorker, or without its script, each tab connects', async () => {
  for (const fault of ['delete globalThis.SharedWorker', 'globalThis.SharedWorker = class { constructor() { this.port = { postMessage() {} }; setTimeout(() => this.onerror()); } }']) {
    const channel = `${channels}-none`;
    const page = await tab();
    await page.evaluate(fault);
    await listen(page, '/goldcrest-shared.js', `/events/${channel}`);
    const early = await page.evaluate(() => handle.publish('early'));
    await opens(page);
    const id = await page.evaluate(() => handle.publish('x'));
    await receives(page, id);
    const seen = await received(page);
    same([seen.ids.at(-1), seen.cursor, seen.transport], [id, id, 'websocket'], early);
    await page.evaluate(() => handle.close());
    same((await received(page)).state, 'closed', 'state');
    await page.close();
  }
});

await check('404 closes the subscription of each tab', async () => {
  const pages = [await tab(), await tab()];
  for (const page of pages) {
    await listen(page, '/goldcrest-shared.js', '/nothing', { transports: ['sse'] });
    await until(async () => (await received(page)).state === 'closed', 'closed');
    const rejected = await page.evaluate(() => handle.publish('x').then(() => 'stored', ({ message }) => message));
    if (rejected === 'stored') throw new Error(rejected);
  }
});

await check('an unknown transport closes the subscription of each tab and rejects publications', async () => {
  for (const page of [await tab(), await tab()]) {
    await listen(page, '/goldcrest-shared.js', `/events/${channels}-fax`, { transports: ['fax'] });
    await until(async () => (await received(page)).state === 'closed', 'closed');
    same((await received(page)).states, ['closed undefined'], 'states');
    same(await page.evaluate(() => handle.publish('x').then(() => 'stored', ({ message }) => message)), 'closed', 'a publication');
    same(await page.evaluate(() => import('/goldcrest.js').then(({ subscribe }) => subscribe('/events/x', { transports: ['fax'] })).then(String, String)), 'TypeError: no transport fax', 'without sharing');
    await page.close();
  }
});

await context.close();
await proxy.close();
end();
