// goldcrest.js and goldcrest-shared.js in a page, in a worker, and in ten tabs that share one connection.
//
//   BROWSER  chromium, if absent, or firefox

import { readFileSync } from 'node:fs';

import { Proxy } from '../js/proxy.mjs';
import { isChromium, openBrowser } from './browser.mjs';
import { promises, same } from './checks.mjs';

const server = process.env.GOLDCREST_URL;
const proxy = await Proxy.before(server);
const origin = proxy.base;
const PATIENCE = 20_000;

const { promise, end } = promises('module');
const context = await openBrowser();

const prefix = `module${process.pid}`;

async function until(reached, what) {
  for (const late = Date.now() + PATIENCE; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const value = await reached();
    if (value) return value;
    if (Date.now() > late) throw new Error(`not reached: ${what}`);
  }
}

/** Straight to the server, by no connection of the browser's. */
async function publish(channel, data = 'x') {
  const answer = await fetch(`${server}events/${channel}`, { method: 'POST', body: data, headers: { 'Content-Type': 'text/plain' } });
  return (await answer.json()).id;
}

/** Connections that are held for `?page=NAME`. */
async function held(name) {
  const { transports } = await (await fetch(`${server}page/figures?page=${name}`)).json();
  return Object.entries(transports).filter(([, { open }]) => open).map(([transport, { open }]) => `${transport} ${open}`).join();
}

/** A tab of the server's own origin with nothing in it but the modules, which would wait for a free connection later. */
async function tab() {
  const page = await context.newPage();
  await page.goto(`${origin}events/${prefix}-blank`);
  await page.evaluate(() => Promise.all([import('/goldcrest.js'), import('/goldcrest-shared.js')]));
  return page;
}

/** Subscribes in a tab, by `module`; what it hears is kept in `ids`. */
const listen = (page, module, path, options = {}) => page.evaluate(async ([module, path, options]) => {
  const { subscribe } = await import(module);
  globalThis.heard = { ids: [], gaps: [], states: [], data: [] };
  globalThis.handle = subscribe(path, {
    ...options,
    onEvent: ({ id, data }) => (heard.ids.push(id), heard.data.push(typeof data === 'string' ? data : [...data])),
    onGap: (gap) => heard.gaps.push(gap),
    onState: ({ state, transport }) => heard.states.push(`${state} ${transport}`),
  });
}, [module, path, options]);
const heard = (page) => page.evaluate(() => ({ ...heard, state: handle.state, transport: handle.transport, cursor: handle.cursor }));
const opens = (page) => until(async () => (await heard(page)).state === 'open', 'it opens');
const hears = (page, id) => until(async () => (await heard(page)).ids.includes(id), `${id} is heard`);

for (const transport of ['websocket', 'sse', 'stream', 'longpoll', 'poll']) {
  await promise(`a page hears, publishes and resumes over ${transport}`, async () => {
    const channel = `${prefix}-${transport}`;
    const page = await tab();
    await listen(page, '/goldcrest.js', `/events/${channel}`, { transports: [transport], pollInterval: 50, retry: 50 });
    await opens(page);
    const ids = [await page.evaluate(() => handle.publish('grün')), await page.evaluate(() => handle.publish(new Uint8Array([0, 255]), { type: 'bin' }))];
    await hears(page, ids[1]);
    // Nobody gets through for a while.
    proxy.rule = () => ({ refuse: true });
    proxy.cut();
    ids.push(await publish(channel, 'one'), await publish(channel, 'two'));
    proxy.rule = () => ({});
    await hears(page, ids[3]);
    const seen = await heard(page);
    same([seen.ids, seen.gaps, seen.data], [ids, [], ['grün', [0, 255], 'one', 'two']], 'what it heard');
    await page.close();
  });
}

await promise('each sample of the manuals that is for a page runs there as it is given', async () => {
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

await promise('a page falls to SSE where Upgrade is eaten, and climbs back', async () => {
  const channel = `${prefix}-fall`;
  const page = await tab();
  proxy.rule = () => ({ strip: true });
  proxy.cut();
  await listen(page, '/goldcrest.js', `/events/${channel}`, { retryBetterAfter: 200, retry: 50 });
  await until(async () => (await heard(page)).states.at(-1) === 'open sse', 'sse');
  const ids = [await publish(channel)];
  await hears(page, ids[0]);
  proxy.rule = () => ({});
  await until(async () => (await heard(page)).states.at(-1) === 'open websocket', 'websocket');
  ids.push(await publish(channel));
  await hears(page, ids[1]);
  same((await heard(page)).ids, ids, 'what it heard');
  await page.close();
});

await promise('it wakes as soon as the network is said to be back', async () => {
  const channel = `${prefix}-online`;
  const page = await tab();
  await listen(page, '/goldcrest.js', `/events/${channel}`, { transports: ['sse'] });
  await opens(page);
  proxy.rule = () => ({ refuse: true });
  proxy.cut();
  await until(async () => (await heard(page)).states.filter((state) => state === 'waiting sse').length > 3, 'it waits for long');
  proxy.rule = () => ({});
  await page.evaluate(() => dispatchEvent(new Event('online')));
  const begun = Date.now();
  await opens(page);
  if (Date.now() - begun > 2000) throw new Error(`${Date.now() - begun} ms`);
  await page.close();
});

await promise('a worker hears and publishes', async () => {
  const channel = `${prefix}-worker`;
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
  same(seen.ids, events.map(({ id }) => id), 'what it heard');
  await page.close();
});

await promise('without sharing, ten tabs on SSE take all six connections: the rest wait', async () => {
  const tabs = await Promise.all(Array.from({ length: 10 }, tab));
  await Promise.all(tabs.map((page) => listen(page, '/goldcrest.js', `/events/${prefix}-six?page=${prefix}six`, { transports: ['sse'], patience: 60_000 })));
  await until(async () => (await held(`${prefix}six`)) === 'sse 6', 'six');
  const states = await Promise.all(tabs.map(async (page) => (await heard(page)).state));
  same(states.filter((state) => state === 'open').length, 6, 'tabs that are open');
  await Promise.all(tabs.map((page) => page.close()));
});

for (const transport of ['sse', 'websocket']) {
  await promise(`ten tabs share one connection (${transport}): all hear, all can fetch, all can publish`, async () => {
    const channel = `${prefix}-ten-${transport}`;
    const name = `${prefix}ten${transport}`;
    const path = `/events/${channel}?page=${name}`;
    const options = { transports: [transport], retry: 50 };
    const tabs = await Promise.all(Array.from({ length: 10 }, tab));
    await Promise.all(tabs.map((page) => listen(page, '/goldcrest-shared.js', path, options)));
    await Promise.all(tabs.map(opens));
    same(await held(name), `${transport} 1`, 'what is held');
    const ids = [];
    for (const page of tabs) ids.push(await page.evaluate(() => handle.publish('x')));
    await Promise.all(tabs.map((page) => hears(page, ids.at(-1))));
    const plain = await Promise.all(tabs.map((page) => page.evaluate((path) => fetch(path).then(({ status }) => status), `/events/${channel}`)));
    same(plain, tabs.map(() => 200), 'what each fetched');

    // One comes later, from an id; one from the beginning; one from now on.
    const [late, all, fresh] = [await tab(), await tab(), await tab()];
    await listen(late, '/goldcrest-shared.js', path, { ...options, after: ids[3] });
    await listen(all, '/goldcrest-shared.js', path, { ...options, after: 'oldest' });
    await listen(fresh, '/goldcrest-shared.js', path, options);
    await hears(late, ids.at(-1));
    await hears(all, ids.at(-1));
    await opens(fresh);

    // The tab that was first goes, and the connection breaks.
    const first = tabs.shift();
    await first.goto('about:blank');
    await first.close();
    proxy.cut();
    const more = [await publish(channel), await publish(channel)];
    await Promise.all([...tabs, late, all, fresh].map((page) => hears(page, more[1])));
    for (const page of tabs) same((await heard(page)).ids, [...ids, ...more], 'what a tab heard');
    same((await heard(late)).ids, [...ids.slice(4), ...more], 'what the late one heard');
    same((await heard(all)).ids, [...ids, ...more], 'what the one from the beginning heard');
    same((await heard(fresh)).ids, more, 'what the one from now on heard');
    same((await heard(late)).gaps, [], 'gaps');
    for (const page of tabs) same((await heard(page)).states.slice(-3).map((state) => state.split(' ')[0]), ['waiting', 'connecting', 'open'], 'what each was told of the cut');
    await until(async () => (await held(name)) === `${transport} 1`, 'still one connection');

    // The last one that goes takes it along.
    await Promise.all([...tabs, late, fresh].map((page) => page.evaluate(() => handle.close())));
    await until(async () => (await held(name)) === `${transport} 1`, 'one is left');
    await all.close();
    await until(async () => (await held(name)) === '', 'none is left');
    await Promise.all([...tabs, late, fresh].map((page) => page.close()));
  });
}

if (isChromium) {
  await promise('a shared worker that goes is missed, and made anew', async () => {
    const channel = `${prefix}-gone`;
    const tabs = await Promise.all([tab(), tab()]);
    // It is missed after two seconds, though a live one asks every twenty: a page that only thinks so loses nothing either.
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
    if (!workers.length) throw new Error('there is no shared worker');
    for (const { targetId } of workers) await devtools.send('Target.closeTarget', { targetId });
    ids.push(await publish(channel), await publish(channel));
    await Promise.all(tabs.map((page) => hears(page, ids.at(-1))));
    for (const page of tabs) same([(await heard(page)).ids, (await heard(page)).gaps], [ids, []], 'what a tab heard');
    await Promise.all(tabs.map((page) => page.close()));
  });
}

await promise('where there is no SharedWorker, or its script does not come, each tab connects', async () => {
  for (const spoil of ['delete globalThis.SharedWorker', 'globalThis.SharedWorker = class { constructor() { this.port = { postMessage() {} }; setTimeout(() => this.onerror()); } }']) {
    const channel = `${prefix}-none`;
    const page = await tab();
    await page.evaluate(spoil);
    await listen(page, '/goldcrest-shared.js', `/events/${channel}`);
    const early = await page.evaluate(() => handle.publish('early'));
    await opens(page);
    const id = await page.evaluate(() => handle.publish('x'));
    await hears(page, id);
    const seen = await heard(page);
    same([seen.ids.at(-1), seen.cursor, seen.transport], [id, id, 'websocket'], early);
    await page.evaluate(() => handle.close());
    same((await heard(page)).state, 'closed', 'its state');
    await page.close();
  }
});

await promise('a channel that is not there is told to each tab', async () => {
  const pages = [await tab(), await tab()];
  for (const page of pages) {
    await listen(page, '/goldcrest-shared.js', '/nothing', { transports: ['sse'] });
    await until(async () => (await heard(page)).state === 'closed', 'closed');
    const rejected = await page.evaluate(() => handle.publish('x').then(() => 'stored', ({ message }) => message));
    if (rejected === 'stored') throw new Error(rejected);
  }
});

await promise('a transport that nobody knows is told to each tab, and so is nobody left waiting', async () => {
  for (const page of [await tab(), await tab()]) {
    await listen(page, '/goldcrest-shared.js', `/events/${prefix}-fax`, { transports: ['fax'] });
    await until(async () => (await heard(page)).state === 'closed', 'closed');
    same((await heard(page)).states, ['closed undefined'], 'what it was told');
    same(await page.evaluate(() => handle.publish('x').then(() => 'stored', ({ message }) => message)), 'closed', 'a publication');
    same(await page.evaluate(() => import('/goldcrest.js').then(({ subscribe }) => subscribe('/events/x', { transports: ['fax'] })).then(String, String)), 'TypeError: no transport fax', 'without sharing');
    await page.close();
  }
});

await context.close();
await proxy.close();
end();
