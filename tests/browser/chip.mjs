// The chip's page in Chromium, against the firmware at GOLDCREST_URL: each transport, by goldcrest.js, hears the sensors.

import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

const base = process.env.GOLDCREST_URL;
const TIMEOUT = 30_000;
const flags = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: flags.split(' ') });
const page = await browser.newPage();
const errors = [];
page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
page.on('pageerror', (error) => errors.push(String(error)));

await page.goto(base);
let before = 0;
for (const [transport, label] of Object.entries({ sse: 'Server-Sent Events', websocket: 'WebSocket', stream: 'Streaming', longpoll: 'Long polling', poll: 'Polling' })) {
  await page.locator(`input[value=${transport}]`).check();
  const state = await page.waitForFunction(([label, before]) => {
    const [, name, events, missed] = /^(.+): (\d+) events, (\d+) missed, at [0-9a-f]+-\d+$/.exec(document.getElementById('state').textContent) ?? [];
    return name === label && Number(events) > before + 1 && { events: Number(events), missed: Number(missed) };
  }, [label, before], { timeout: TIMEOUT });
  const { events, missed } = await state.jsonValue();
  assert.equal(missed, 0);
  before = events;
  console.log(`chip: ${label}: ${events} events in all`);
}
assert.match(await page.locator('#temperature').textContent(), /°C/);
await page.locator('input[name=text]').fill('hello');
await page.locator('#chat button').click();
await page.locator('#said', { hasText: /published as/ }).waitFor({ timeout: TIMEOUT });
await page.locator('#led').click();
await page.locator('#led', { hasText: 'LED on' }).waitFor({ timeout: TIMEOUT });
assert.deepEqual(errors, []);
console.log('chip: 1 passed, 0 failed');
await browser.close();
