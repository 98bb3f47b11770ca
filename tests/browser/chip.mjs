// The chip's page in Chromium, against the firmware at GOLDCREST_URL: each transport, by goldcrest.js, hears the sensors.

import { openChromium } from './chromium.mjs';
import { promises, same } from './promises.mjs';

const TIMEOUT = 30_000;
const { promise, end } = promises('chip');
const context = await openChromium();
const [page] = context.pages();
const errors = [];
page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
page.on('pageerror', (error) => errors.push(String(error)));

await page.goto(process.env.GOLDCREST_URL);
let before = 0;
for (const [transport, label] of Object.entries({ sse: 'Server-Sent Events', websocket: 'WebSocket', stream: 'Streaming', longpoll: 'Long polling', poll: 'Polling' })) {
  await promise(`${label} hears the sensors`, async () => {
    await page.locator(`input[value=${transport}]`).check();
    const state = await page.waitForFunction(([label, before]) => {
      const [, name, events, missed] = /^(.+): (\d+) events, (\d+) missed, at [0-9a-f]+-\d+$/.exec(document.getElementById('state').textContent) ?? [];
      return name === label && Number(events) > before + 1 && { events: Number(events), missed: Number(missed) };
    }, [label, before], { timeout: TIMEOUT });
    const { events, missed } = await state.jsonValue();
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

await promise('the console is clean', async () => same(errors, [], 'errors'));

await context.close();
end();
