// The chip's page in Chromium, against the firmware at GOLDCREST_URL: each transport, by goldcrest-shared.js, hears the sensors,
// and the tabs that show it are one connection to the chip.

import { Proxy } from '../js/proxy.mjs';
import { openChromium } from './chromium.mjs';
import { promises, same } from './checks.mjs';

const TIMEOUT = 30_000;
const { promise, end } = promises('chip');
const context = await openChromium();
const [page] = context.pages();
const proxy = await Proxy.before(process.env.GOLDCREST_URL);
const errors = [];
function watched(tab) {
  tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  tab.on('pageerror', (error) => errors.push(String(error)));
  return tab;
}
/** Requests for the sensors by a transport that the chip has heard. */
const asked = (transport) => proxy.requests.filter((line) => line.includes(`/events/sensors?transport=${transport}&`)).length;
/** Waits until a tab has heard two events more, over the transport with this label; returns what it says then. */
async function hears(tab, label, before = 0) {
  const state = await tab.waitForFunction(([label, before]) => {
    const [, name, events, missed] = /^(.+): (\d+) events, (\d+) missed, at [0-9a-f]+-\d+$/.exec(document.getElementById('state').textContent) ?? [];
    return name === label && Number(events) > before + 1 && { events: Number(events), missed: Number(missed) };
  }, [label, before], { timeout: TIMEOUT });
  return state.jsonValue();
}

watched(page);
await page.goto(proxy.base);
await promise('three tabs that show the page are one connection to the chip', async () => {
  const tabs = [];
  for (let count = 0; count < 2; count += 1) {
    const tab = watched(await context.newPage());
    await tab.goto(proxy.base);
    tabs.push(tab);
  }
  const heard = await Promise.all([page, ...tabs].map((tab) => hears(tab, 'Server-Sent Events')));
  same(heard.map(({ missed }) => missed), [0, 0, 0], 'events missed');
  same(asked('sse'), 1, 'requests');
  // The one that was first is hidden and comes back: it catches up, and joins the others again.
  const { events } = heard[0];
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await hears(tabs[0], 'Server-Sent Events', (await hears(tabs[0], 'Server-Sent Events')).events);
  await hide(false);
  same((await hears(page, 'Server-Sent Events', events + 1)).missed, 0, 'events missed');
  same(asked('sse'), 1, 'requests');
  await Promise.all(tabs.map((tab) => tab.close()));
});

let before = 0;
for (const [transport, label] of Object.entries({ sse: 'Server-Sent Events', websocket: 'WebSocket', stream: 'Streaming', longpoll: 'Long polling', poll: 'Polling' })) {
  await promise(`${label} hears the sensors`, async () => {
    await page.locator(`input[value=${transport}]`).check();
    const { events, missed } = await hears(page, label, before);
    same(missed, 0, 'events missed');
    before = events;
  });
}

await promise('the temperature is shown', () => page.locator('#temperature', { hasText: '°C' }).waitFor({ timeout: TIMEOUT }));

await promise('what is typed is published', async () => {
  await page.locator('input[name=text]').fill('hello');
  await page.locator('#chat button').click();
  await page.locator('#said', { hasText: /published as/ }).waitFor({ timeout: TIMEOUT });
});

await promise('the LED is switched', async () => {
  await page.locator('#led').click();
  await page.locator('#led', { hasText: 'LED on' }).waitFor({ timeout: TIMEOUT });
});

await promise('where there is no SharedWorker each tab connects by itself', async () => {
  const count = asked('sse');
  const tabs = [watched(await context.newPage()), watched(await context.newPage())];
  for (const tab of tabs) {
    await tab.addInitScript('delete globalThis.SharedWorker');
    await tab.goto(proxy.base);
    same((await hears(tab, 'Server-Sent Events')).missed, 0, 'events missed');
  }
  same(asked('sse'), count + 2, 'requests');
});

await promise('the console is clean', async () => same(errors, [], 'errors'));

await context.close();
await proxy.close();
end();
