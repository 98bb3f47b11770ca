// The chip's page in Chromium, with the firmware at GOLDCREST_URL: each transport receives the sensors' events, and all tabs with the
// page share one connection to the chip (goldcrest-shared.js).

import { Proxy } from '../js/proxy.mjs';
import { openChromium } from './chromium.mjs';
import { checks, same } from './checks.mjs';

const TIMEOUT = 30_000;
const { check, end } = checks('chip');
const context = await openChromium();
const [page] = context.pages();
const proxy = await Proxy.before(process.env.GOLDCREST_URL);
const errors = [];
function watched(tab) {
  tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  tab.on('pageerror', (error) => errors.push(String(error)));
  return tab;
}
/** The number of requests for the sensors over a transport. */
const requests = (transport) => proxy.requests.filter((line) => line.includes(`/events/sensors?transport=${transport}&`)).length;
/** Waits until a tab has received two more events than `before` over the transport with this label; returns its counters. */
async function receives(tab, label, before = 0) {
  const state = await tab.waitForFunction(([label, before]) => {
    const [, name, events, missed] = /^(.+): (\d+) events, (\d+) missed, at [0-9a-f]+-\d+$/.exec(document.getElementById('state').textContent) ?? [];
    return name === label && Number(events) > before + 1 && { events: Number(events), missed: Number(missed) };
  }, [label, before], { timeout: TIMEOUT });
  return state.jsonValue();
}

watched(page);
await page.goto(proxy.base);
await check('three tabs with the page share one connection to the chip', async () => {
  const tabs = [];
  for (let count = 0; count < 2; count += 1) {
    const tab = watched(await context.newPage());
    await tab.goto(proxy.base);
    tabs.push(tab);
  }
  const received = await Promise.all([page, ...tabs].map((tab) => receives(tab, 'Server-Sent Events')));
  same(received.map(({ missed }) => missed), [0, 0, 0], 'events missed');
  same(requests('sse'), 1, 'requests');
  // The first tab is hidden and shown again: it catches up, and shares the connection again.
  const { events } = received[0];
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await receives(tabs[0], 'Server-Sent Events', (await receives(tabs[0], 'Server-Sent Events')).events);
  await hide(false);
  same((await receives(page, 'Server-Sent Events', events + 1)).missed, 0, 'events missed');
  same(requests('sse'), 1, 'requests');
  await Promise.all(tabs.map((tab) => tab.close()));
});

let before = 0;
for (const [transport, label] of Object.entries({ sse: 'Server-Sent Events', websocket: 'WebSocket', stream: 'Streaming', longpoll: 'Long polling', poll: 'Polling' })) {
  await check(`${label} receives the sensors`, async () => {
    await page.locator(`input[value=${transport}]`).check();
    const { events, missed } = await receives(page, label, before);
    same(missed, 0, 'events missed');
    before = events;
  });
}

await check('the temperature is shown', () => page.locator('#temperature', { hasText: '°C' }).waitFor({ timeout: TIMEOUT }));

await check('a typed message is published', async () => {
  await page.locator('input[name=text]').fill('hello');
  await page.locator('#chat button').click();
  await page.locator('#said', { hasText: /published as/ }).waitFor({ timeout: TIMEOUT });
});

await check('the LED is switched', async () => {
  await page.locator('#led').click();
  await page.locator('#led', { hasText: 'LED on' }).waitFor({ timeout: TIMEOUT });
});

await check('without SharedWorker each tab has its own connection', async () => {
  const count = requests('sse');
  const tabs = [watched(await context.newPage()), watched(await context.newPage())];
  for (const tab of tabs) {
    await tab.addInitScript('delete globalThis.SharedWorker');
    await tab.goto(proxy.base);
    same((await receives(tab, 'Server-Sent Events')).missed, 0, 'events missed');
  }
  same(requests('sse'), count + 2, 'requests');
});

await check('the console has no errors', async () => same(errors, [], 'errors'));

await context.close();
await proxy.close();
end();
