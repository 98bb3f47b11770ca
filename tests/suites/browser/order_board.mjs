// The order board of the host's examples in Chromium: a customer and the staff, each in a browser of their own.
//
//   node tests/suites/browser/order_board.mjs PROGRAM    a built order board

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { openChromium } from './chromium.mjs';
import { checks } from './checks.mjs';

const program = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'order-board-'));
const database = join(folder, 'board.db');
for (const user of [['ada', 'ada'], ['kim', 'kim', 'staff']]) execFileSync(program, ['user', database, ...user]);
const server = spawn(program, ['serve', database, '127.0.0.1:0'], { env: { ...process.env, TOKEN: 'open-sesame' } });
const [line] = await once(createInterface(server.stderr), 'line');
const base = line.match(/http:\/\/127\.0\.0\.1:(\d+)/);
const url = `http://localhost:${base[1]}`;

const { check, end } = checks('order_board');
const errors = [];

/** A browser in which `user` has logged in by the form. */
async function login(user) {
  const context = await openChromium();
  const [page] = context.pages();
  page.on('pageerror', (error) => errors.push(`${user}: ${error}`));
  await page.goto(`${url}/`);
  assert.equal(new URL(page.url()).pathname, '/login', 'without a session the page redirects to the login');
  await page.fill('input[name=user]', user);
  await page.fill('input[name=password]', user);
  await page.click('button');
  await page.waitForURL(`${url}/`);
  await page.locator('#user', { hasText: user }).waitFor();
  return { context, page };
}

/** Waits until the only order has these cells. */
async function shows({ page }, cells) {
  const row = page.locator('#orders tr', { hasText: cells.at(-1) });
  await row.waitFor();
  const texts = await row.locator('td').allTextContents();
  assert.deepEqual(texts.slice(0, 4), cells);
}

const [ada, kim] = [await login('ada'), await login('kim')];

await check('an order appears at its customer and at the staff', async () => {
  await ada.page.fill('input[name=dish]', '<b>soup</b>');
  await ada.page.click('#order button');
  await shows(ada, ['1', 'ada', '<b>soup</b>', 'ordered']);
  await shows(kim, ['1', 'ada', '<b>soup</b>', 'ordered']);
});

await check('a state that the staff sets appears at the customer', async () => {
  assert.equal(await ada.page.locator('#orders button').count(), 0, 'a customer has no buttons');
  await kim.page.click('#orders button:text("ready")');
  await shows(ada, ['1', 'ada', '<b>soup</b>', 'ready']);
});

await check('news that a program publishes appear', async () => {
  const news = await fetch(`${url}/events/news`, {
    method: 'POST', headers: { Authorization: 'Bearer open-sesame' }, body: 'closed at eight',
  });
  assert.equal(news.status, 201);
  await ada.page.locator('#news', { hasText: 'closed at eight' }).waitFor();
});

await check('a WebSocket of the page cannot publish', async () => {
  const code = await ada.page.evaluate(() => new Promise((resolve) => {
    const socket = new WebSocket(`ws://${location.host}/events/orders-ada`);
    socket.onopen = () => socket.send('{"id":1,"user":"ada","dish":"forged","state":"ready","revision":9}');
    socket.onclose = ({ code }) => resolve(code);
  }));
  assert.equal(code, 1008);
  assert.equal(await kim.page.locator('#orders', { hasText: 'forged' }).count(), 0);
});

await check('a logout in one tab leads the other tab to the login', async () => {
  const other = await ada.context.newPage();
  await other.goto(`${url}/`);
  await other.locator('#orders tr').waitFor();
  await ada.page.click('button:text("Log out")');
  await ada.page.waitForURL(`${url}/login`);
  await other.waitForURL(`${url}/login`);
});

await check('no script failed', async () => assert.deepEqual(errors, []));

await ada.context.close();
await kim.context.close();
server.kill();
await once(server, 'exit');
rmSync(folder, { recursive: true });
end();
