// The page at `/` in Chromium, with a running server.
//
//   GOLDCREST_URL  the server, http://127.0.0.1:8080 by default
//   SCREENSHOTS    a directory for screenshots in two sizes and two colour schemes; none by default

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { openChromium } from './chromium.mjs';
import { checks } from './checks.mjs';

const base = (process.env.GOLDCREST_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const pictures = process.env.SCREENSHOTS;
const NAMES = ['poll', 'longpoll', 'stream', 'sse', 'websocket'];
const HELD = NAMES.slice(1);
const TIMEOUT = 60_000;

const { check, end } = checks('page');
const context = await openChromium({ viewport: { width: 1280, height: 900 } });
const [page] = context.pages();

const errors = [];
const strangers = [];
page.on('console', (message) => message.type() === 'error' && errors.push(`${message.text()} ${message.location().url}`));
page.on('pageerror', (error) => errors.push(String(error)));
page.on('request', (request) => !request.url().startsWith(base) && strangers.push(request.url()));

const state = () => page.evaluate(() => window.goldcrestPage?.state());
/** Waits until `reached` of the page's state is true; the error has the last state. */
async function until(reached, condition = String(reached)) {
  for (const deadline = Date.now() + TIMEOUT; ; await new Promise((resolve) => setTimeout(resolve, 40))) {
    const seen = await state();
    if (seen && reached(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`expected within ${TIMEOUT} ms: ${condition}\n${JSON.stringify(seen)}`);
  }
}
const all = (seen, check) => NAMES.every((name) => check(seen.transports[name], name));
/** Waits until the status line matches. */
const said = (pattern) => page.locator('#said', { hasText: pattern }).waitFor({ timeout: TIMEOUT });
const together = (seen) => new Set(NAMES.map((name) => seen.transports[name].cursor)).size === 1;
const nothingLost = (seen) => {
  for (const name of NAMES) {
    assert.equal(seen.transports[name].lost, 0, `${name} lost`);
    assert.equal(seen.transports[name].repeated, 0, `${name} repeated`);
  }
};
const rate = (value) => page.locator(`input[name=rate][value="${value}"]`).check({ force: true });

/** Shows or hides the tab, by the browser's event. */
const setHidden = (hidden) => page.evaluate((value) => {
  Object.defineProperty(document, 'hidden', { value, configurable: true });
  Object.defineProperty(document, 'visibilityState', { value: value ? 'hidden' : 'visible', configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}, hidden);

await check('all five transports receive live events', async () => {
  await page.goto(`${base}/`);
  nothingLost(await until((seen) => all(seen, (one) => one.latency.samples > 0)));
});

await check('the server counts requests, header bytes and payload bytes of each transport', async () => {
  await until((seen) => all(seen, ({ figures }) => Object.values(figures).every((count) => count > 0)));
});

await check('every row of the table has figures', async () => {
  for (const name of NAMES) {
    const cells = await page.locator(`tr[data-transport=${name}] td`).allInnerTexts();
    assert.equal(cells.length, 7);
    for (const cell of cells) assert.match(cell, /[0-9]/, `${name}: ${cells.join(' | ')}`);
  }
});

await check('the page sends no request to another host, and the console has no errors', async () => {
  assert.deepEqual(strangers, []);
  assert.deepEqual(errors, []);
});

for (const name of HELD) {
  await check(`${name} is disconnected and resumes, with no event lost or repeated`, async () => {
    const before = await state();
    await page.locator(`tr[data-transport=${name}] button.cut`).click();
    const { breaks, resumes } = before.transports[name];
    const { events } = (await until(({ transports: { [name]: one } }) => one.breaks > breaks && one.resumes > resumes, `${name} resumes`)).transports[name];
    nothingLost(await until(({ transports }) => transports[name].events > events, `${name} receives more events`));
    await said(/None lost, none repeated/);
  });
}

await check('polling has no connection to disconnect, and the page says so', async () => {
  await page.locator('tr[data-transport=poll] button.cut').click();
  await said(/holds no connection/);
});

await check('all five transports reach the same event with the same count', async () => {
  await rate(0);
  const seen = await until(together);
  assert.equal(new Set(NAMES.map((name) => seen.transports[name].events)).size, 1);
  assert.ok(seen.transports.poll.events >= seen.published);
  nothingLost(seen);
});

await check('the button publishes one event, also by keyboard', async () => {
  const before = await state();
  await page.locator('#publish').click();
  await until((seen) => all(seen, (one, name) => one.events === before.transports[name].events + 1));
  await page.locator('#publish').focus();
  await page.keyboard.press('Enter');
  await until((seen) => all(seen, (one, name) => one.events === before.transports[name].events + 2));
  assert.equal((await state()).published, before.published + 2);
});

await check('an unknown event type is received by all five', async () => {
  const before = await state();
  const response = await fetch(`${base}/events/demo?type=unheard-of`, { method: 'POST', body: 'x', headers: { 'Content-Type': 'text/plain' } });
  assert.ok(response.status === 201 || response.status === 202, `${response.status}`);
  await page.locator('#publish').click();
  nothingLost(await until((seen) => all(seen, (one, name) => one.events === before.transports[name].events + 2)));
});

await check('a pinned transport stays connected', async () => {
  await rate(5);
  await page.locator('tr[data-transport=stream] button.pin').click();
  const before = await until(({ transports: { stream } }) => stream.state === 'open');
  const { requests } = before.transports.stream.figures;
  const { events } = before.transports.sse;
  const seen = await until(({ transports: { sse } }) => sse.events > events + 60, 'the others take turns');
  assert.equal(seen.transports.stream.state, 'open');
  assert.ok(seen.transports.stream.figures.requests - requests <= 1, 'no further requests');
  await page.locator('tr[data-transport=stream] button.pin').click();
});

await check('a hidden tab closes all connections and resumes from its cursors', async () => {
  await setHidden(true);
  const before = await until((seen) => seen.connections.used === 0 && all(seen, (one) => one.open === 0));
  await fetch(`${base}/events/demo?type=sample`, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } });
  await setHidden(false);
  nothingLost(await until((seen) => all(seen, (one, name) => one.events > before.transports[name].events)));
});

await check('all tabs with the page share one more connection, which no row counts', async () => {
  const figures = async (name) => (await (await fetch(`${base}/page/figures?page=${name}`)).json()).transports.websocket?.open ?? 0;
  const reached = async (count) => {
    for (const deadline = Date.now() + TIMEOUT; (await figures('alltabs')) !== count; await new Promise((resolve) => setTimeout(resolve, 40))) {
      if (Date.now() > deadline) throw new Error(`expected ${count} connections, found ${await figures('alltabs')}`);
    }
  };
  await rate(5);
  const other = await context.newPage();
  await other.goto(`${base}/`);
  await other.locator('input[name=rate][value="0"]').check({ force: true });
  await other.locator('#shared', { hasText: /^event [0-9,]+$/ }).waitFor({ timeout: TIMEOUT });
  await page.locator('#shared', { hasText: /^event [0-9,]+$/ }).waitFor({ timeout: TIMEOUT });
  await reached(1);
  // Both tabs receive an event of one tab over the shared connection.
  await rate(0);
  const seen = await until(together);
  const last = seen.transports.sse.cursor.split('-')[1];
  assert.equal(seen.shared.last, last);
  assert.equal(seen.shared.transport, 'websocket');
  await other.locator('#shared', { hasText: `event ${Number(last).toLocaleString('en')}` }).waitFor({ timeout: TIMEOUT });
  // The connection is open as long as a tab is visible.
  await other.close();
  await page.locator('#publish').click();
  await until(({ shared }) => Number(shared.last) > Number(last));
  await reached(1);
  await setHidden(true);
  await reached(0);
  await setHidden(false);
  await reached(1);
  nothingLost(await until(({ shared }) => shared.state === 'open'));
});

await check('the poll interval and the wait of the long poll can be set', async () => {
  await rate(0);
  await page.locator('#interval').fill('0.5');
  await page.locator('#interval').press('Enter');
  const { requests } = (await state()).transports.poll.figures;
  await until(({ transports: { poll } }) => poll.figures.requests >= requests + 6);
  const asked = page.waitForRequest((request) => /transport=longpoll/.test(request.url()) && /wait=2\b/.test(request.url()), { timeout: TIMEOUT });
  await page.locator('#wait').fill('2');
  await page.locator('#wait').press('Enter');
  await asked;
  await page.locator('#interval').fill('3');
  await page.locator('#interval').press('Enter');
});

await check('reset zeroes the counters and keeps the cursors', async () => {
  await until(together);
  await page.locator('#reset').click();
  const seen = await state();
  for (const name of NAMES) assert.equal(seen.transports[name].events, 0);
  await page.locator('#publish').click();
  nothingLost(await until((seen) => all(seen, (one) => one.events === 1)));
});

await check('at most three connections are open at a time', async () => {
  const { peak, used } = (await state()).connections;
  assert.ok(peak <= 3 && used <= 3, `peak ${peak}, used ${used}`);
});

await check('the page is at most 360 px wide on a phone', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  const { scroll, client } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
  assert.ok(scroll <= client, `${scroll} > ${client}`);
});

await check('the console has only the errors of the disconnects', async () => {
  const other = errors.filter((error) => !/net::ERR_|WebSocket connection to|\/page\/cut|status of 404/.test(error));
  assert.deepEqual(other, []);
});

if (pictures) {
  await mkdir(pictures, { recursive: true });
  await rate(5);
  const { events } = (await state()).transports.poll;
  await until(({ transports: { poll } }) => poll.events > events + 200);
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 360]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      await page.screenshot({ path: join(pictures, `${width}-${colorScheme}.png`), fullPage: true });
    }
  }
}

await context.close();
end();
