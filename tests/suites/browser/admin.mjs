// The page of the admin listener in Chromium, with a running server.
//
//   GOLDCREST_URL    the server, http://127.0.0.1:8080 by default
//   GOLDCREST_ADMIN  its admin listener, http://127.0.0.1:8081 by default
//   SCREENSHOTS      a directory for screenshots in two colour schemes; none by default

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { openChromium } from './chromium.mjs';
import { checks } from './checks.mjs';

const base = (process.env.GOLDCREST_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const admin = (process.env.GOLDCREST_ADMIN ?? 'http://127.0.0.1:8081').replace(/\/$/, '');
const pictures = process.env.SCREENSHOTS;
const TIMEOUT = 30_000;

const { check, end } = checks('admin');
const context = await openChromium({ viewport: { width: 1280, height: 900 } });
const [page] = context.pages();
page.setDefaultTimeout(TIMEOUT);
const errors = [];
const strangers = [];
page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
page.on('pageerror', (error) => errors.push(String(error)));
page.on('request', (request) => !request.url().startsWith(admin) && strangers.push(request.url()));

const publish = async (channel, data) => {
  const response = await fetch(`${base}/events/${channel}`, { method: 'POST', body: data });
  assert.ok(response.ok, `${response.status}`);
};
const tile = (name, value) =>
  page.locator('#tiles div', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) }).locator('dd', { hasText: value });
const row = (name) => page.locator('#channels tr', { has: page.locator('th', { hasText: name }) });

await check('channels appear with their events and readers', async () => {
  await page.goto(`${admin}/`);
  await publish('user.1', 'a');
  await publish('user.1', 'b');
  await publish('news', 'c');
  const reader = new AbortController();
  await fetch(`${base}/events/news`, { headers: { accept: 'text/event-stream' }, signal: reader.signal });
  await row('user.1').locator('td').nth(1).filter({ hasText: /^2$/ }).waitFor();
  await row('news').locator('td').first().filter({ hasText: '1 sse' }).waitFor();
  await tile('sse readers', /^1$/).waitFor();
  await tile('channels', /^2$/).waitFor();
  reader.abort();
  await tile('sse readers', /^0$/).waitFor();
});

await check('the prefix selects channels', async () => {
  await page.fill('#prefix', 'user.');
  await row('news').waitFor({ state: 'detached' });
  assert.equal(await page.locator('#channels tr').count(), 1);
  await page.fill('#prefix', 'none');
  await page.locator('#none').waitFor();
  await page.fill('#prefix', '');
  await row('news').waitFor();
});

await check('rates are drawn while events are published', async () => {
  for (let sent = 0; sent < 20; sent += 1) await publish('news', `${sent}`);
  await page.waitForFunction(() => document.getElementById('published').getAttribute('points').split(' ').length > 2);
  await page.waitForFunction(() => Number(document.getElementById('peak').textContent) > 1);
});

await check('a channel is deleted after a confirmation', async () => {
  page.once('dialog', (dialog) => dialog.dismiss());
  await page.getByRole('button', { name: 'Delete the events of user.1' }).click();
  assert.equal((await fetch(`${admin}/channels/user.1`)).status, 200);
  page.once('dialog', (dialog) => dialog.accept());
  await page.getByRole('button', { name: 'Delete the events of user.1' }).click();
  await row('user.1').waitFor({ state: 'detached' });
  assert.equal((await fetch(`${admin}/channels/user.1`)).status, 404);
});

await check('the streams of an identity are ended', async () => {
  await page.fill('#identity', 'ada');
  await page.getByRole('button', { name: 'End streams' }).click();
  await page.locator('#said', { hasText: '0 streams of ada have ended.' }).waitFor();
});

await check('each control has a name, and nothing else is loaded', async () => {
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll('button, input')].filter((one) => !(one.labels?.length || one.textContent.trim() || one.ariaLabel)).length);
  assert.equal(nameless, 0);
  assert.deepEqual([errors, strangers], [[], []]);
});

if (pictures) {
  await mkdir(pictures, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `admin-${colorScheme}.png`) });
  }
}
await context.close();
end();
