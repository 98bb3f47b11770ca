// Pages of other origins, in a real browser. A listed origin may use credentials and header fields of its own, another one is
// rejected, and so are resources embedded by another site. A listed origin's page also runs npm's clients of Server-Sent Events.
//
// The suite starts its own server, which tests/scripts/with-server has built: PROFILE and CARGO_TARGET_DIR as there.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { createInterface } from 'node:readline';

import { openBrowser } from './browser.mjs';
import { checks, same } from './checks.mjs';

const root = new URL('../../../', import.meta.url);
const modules = new URL('tests/suites/node_modules/', root);

/** Serves blank pages with a cookie, and the npm clients below /modules/. */
const pages = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://pages');
  if (pathname.startsWith('/modules/')) {
    const name = pathname.slice('/modules/'.length);
    const body = await readFile(new URL(/\.[a-z]+$/.test(name) ? name : `${name}.js`, modules)).catch(() => null);
    response.writeHead(body ? 200 : 404, { 'Content-Type': 'text/javascript' });
    return response.end(body);
  }
  response.writeHead(200, { 'Content-Type': 'text/html', 'Set-Cookie': 'session=of-the-page; Path=/' });
  response.end('<!doctype html><script type="importmap">{"imports":{"eventsource-parser":"/modules/eventsource-parser/dist/index.js","eventsource-parser/stream":"/modules/eventsource-parser/dist/stream.js"}}</script>');
});
await new Promise((resolve) => pages.listen(0, resolve));
const listed = `http://127.0.0.1:${pages.address().port}`;
const stranger = `http://localhost:${pages.address().port}`;

const target = process.env.CARGO_TARGET_DIR ?? new URL('target', root).pathname;
const program = spawn(`${target}/${process.env.PROFILE ?? 'release'}/goldcrest`, ['--listen', '127.0.0.1:0', '--allow-origin', listed], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
process.on('exit', () => program.kill());
const port = await new Promise((resolve, reject) => {
  program.on('error', reject);
  program.on('exit', () => reject(new Error('the server ended before it printed an address')));
  createInterface(program.stderr).on('line', (line) => {
    const [, port] = line.match(/serves http:\/\/127\.0\.0\.1:(\d+)\//) ?? [];
    if (port) resolve(Number(port));
  });
});

/** The bytes that browsers sent, as a string for each connection, recorded by a relay. */
const sent = [];
const between = net.createServer((near) => {
  const far = net.connect(port, '127.0.0.1');
  const n = sent.push('') - 1;
  near.on('data', (bytes) => (sent[n] += bytes.toString('latin1')));
  for (const socket of [near, far]) socket.on('error', () => {}).on('close', () => (near.destroy(), far.destroy()));
  near.pipe(far).pipe(near);
});
await new Promise((resolve) => between.listen(0, '127.0.0.1', resolve));
const server = `http://127.0.0.1:${between.address().port}/`;

/** The heads of requests with this method whose target contains `text`. */
const heads = (method, text) => sent.flatMap((bytes) => bytes.split(/(?=(?:GET|POST|OPTIONS) \/\S* HTTP\/1\.1\r\n)/))
  .filter((head) => head.startsWith(`${method} `) && head.split('\r\n')[0].includes(text));

const { check, end } = checks('origins');
const context = await openBrowser();
const open = async (origin) => {
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  return page;
};
const channel = (name) => `${server}events/origins-${process.pid}-${name}`;
const publish = async (url, data = 'hello') => {
  const response = await fetch(url.replace(server, `http://127.0.0.1:${port}/`), { method: 'POST', body: data, headers: { 'content-type': 'text/plain' } });
  if (!response.ok) throw new Error(`a publish: expected status 201 or 202, received ${response.status}`);
  return (await response.json()).id;
};
const withCookie = (method, text) => {
  const all = heads(method, text);
  if (!all.length || !all.every((head) => head.includes('session=of-the-page'))) throw new Error(`expected a cookie in each request, found ${JSON.stringify(all)}`);
};

await check('a listed origin fetches, publishes and listens with credentials', async () => {
  const page = await open(listed);
  const url = channel('credentials');
  const id = await publish(url);
  const seen = await page.evaluate(async (url) => {
    const poll = await fetch(url, { credentials: 'include' });
    const etag = poll.headers.get('etag');
    const posted = await fetch(url, {
      method: 'POST',
      credentials: 'include',
      body: 'from the page',
      headers: {
        'Content-Type': 'text/plain', 'Idempotency-Key': 'one', Authorization: 'Bearer x', 'X-Requested-With': 'XMLHttpRequest',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'X-CSRF-Token': 'x', 'X-Api-Key': 'x', 'Cache-Control': 'no-cache',
      },
    });
    const event = await new Promise((resolve, reject) => {
      const source = new EventSource(`${url}?after=oldest`, { withCredentials: true });
      source.onmessage = ({ data }) => (source.close(), resolve(data));
      source.onerror = () => reject(new Error('EventSource'));
    });
    const message = await new Promise((resolve, reject) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}?after=oldest`);
      socket.onmessage = ({ data }) => (socket.close(), resolve(data));
      socket.onerror = () => reject(new Error('WebSocket'));
    });
    return { poll: poll.status, etag, posted: posted.status, event, message };
  }, url);
  same(seen, { poll: 200, etag: `"${id}"`, posted: 202, event: 'hello', message: 'hello' }, 'results of the page');
  for (const method of ['GET', 'POST']) withCookie(method, 'credentials');
  if (heads('GET', 'credentials').length !== 3) throw new Error(`expected three GET requests, found ${heads('GET', 'credentials').length}`);
  await page.close();
});

await check("the README's way of sending credentials with goldcrest.js works", async () => {
  const page = await open(listed);
  const url = channel('recipe');
  const data = await page.evaluate(async ([server, url]) => {
    const { subscribe } = await import(`${server}goldcrest.js`);
    return new Promise((resolve, reject) => {
      const news = subscribe(url, {
        transports: ['sse'],
        after: 'oldest',
        fetch: (url, init) => fetch(url, { ...init, credentials: 'include' }),
        onState: ({ error }) => error && reject(error),
        onEvent: ({ data }) => (news.close(), resolve(data)),
      });
      news.publish('by the recipe').catch(reject);
    });
  }, [server, url]);
  same(data, 'by the recipe', 'the received data');
  for (const method of ['GET', 'POST']) withCookie(method, 'recipe');
  await page.close();
});

for (const [name, listen] of Object.entries({
  'eventsource 1': async (url) => {
    await import('/modules/eventsource1/example/eventsource-polyfill.js');
    return new Promise((resolve, reject) => {
      const source = new globalThis.EventSourcePolyfill(url, { withCredentials: true, headers: { 'X-Api-Key': 'x' } });
      source.onmessage = ({ data }) => (source.close(), resolve(data));
      source.onerror = (error) => reject(new Error(error?.message ?? `status ${error?.status}`));
    });
  },
  'eventsource 2': async (url) => {
    await import('/modules/eventsource2/example/eventsource-polyfill.js');
    return new Promise((resolve, reject) => {
      const source = new globalThis.EventSourcePolyfill(url, { withCredentials: true, headers: { 'X-Api-Key': 'x' } });
      source.onmessage = ({ data }) => (source.close(), resolve(data));
      source.onerror = (error) => reject(new Error(error?.message ?? `status ${error?.status}`));
    });
  },
  'eventsource 4': async (url) => {
    const { EventSource } = await import('/modules/eventsource4/dist/index.js');
    return new Promise((resolve, reject) => {
      const source = new EventSource(url, {
        fetch: (url, init) => fetch(url, { ...init, credentials: 'include', headers: { ...init.headers, 'X-Api-Key': 'x' } }),
      });
      source.onmessage = ({ data }) => (source.close(), resolve(data));
      source.onerror = (error) => reject(new Error(error.message));
    });
  },
  'event-source-polyfill': async (url) => {
    await import('/modules/event-source-polyfill/src/eventsource.js');
    return new Promise((resolve, reject) => {
      const source = new globalThis.EventSourcePolyfill(url, { withCredentials: true, headers: { 'X-Api-Key': 'x' } });
      source.onmessage = ({ data }) => (source.close(), resolve(data));
      source.onerror = (error) => reject(new Error(error?.error ?? 'error'));
    });
  },
  'fetch-event-source': async (url) => {
    const { fetchEventSource } = await import('/modules/@microsoft/fetch-event-source/lib/esm/index.js');
    return new Promise((resolve, reject) => {
      const control = new AbortController();
      fetchEventSource(url, {
        signal: control.signal,
        credentials: 'include',
        headers: { 'X-Api-Key': 'x' },
        onmessage: ({ event, data }) => data && (control.abort(), resolve(data)),
        onerror: (error) => { reject(error); throw error; },
      }).catch(reject);
    });
  },
})) {
  await check(`npm's ${name} reads from a listed origin, with credentials and a header field`, async () => {
    const page = await open(listed);
    const url = channel(name.replace(' ', '-'));
    await publish(url);
    same(await page.evaluate(listen, `${url}?after=oldest`), 'hello', 'the received data');
    withCookie('GET', name.replace(' ', '-'));
    if (!heads('OPTIONS', name.replace(' ', '-')).length) throw new Error('expected a preflight request (OPTIONS), found none');
    if (!/^x-api-key: x\r$/im.test(heads('GET', name.replace(' ', '-'))[0])) throw new Error('expected the header field X-Api-Key, found none');
    await page.close();
  });
}

await check('another origin is rejected, with and without credentials', async () => {
  const page = await open(stranger);
  const url = channel('stranger');
  await publish(url);
  const seen = await page.evaluate(async (url) => {
    const read = async (init) => fetch(url, init).then(() => 'read', () => 'refused');
    const source = await new Promise((resolve) => {
      const source = new EventSource(`${url}?after=oldest`, { withCredentials: true });
      source.onmessage = () => resolve('read');
      source.onerror = () => (source.close(), resolve('refused'));
    });
    const socket = await new Promise((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}?after=oldest`);
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    });
    const posted = await read({ method: 'POST', body: 'x', headers: { 'X-Api-Key': 'x' } });
    return [await read({}), await read({ credentials: 'include' }), posted, source, socket];
  }, url);
  same(seen, Array(5).fill('refused'), 'results of the page');
  await page.close();
});

await check('resources embedded by another origin are rejected; a link to the server works', async () => {
  const page = await open(stranger);
  const url = channel('embedded');
  await page.evaluate(async (url) => {
    const load = (element, name) => new Promise((resolve) => {
      element.onload = element.onerror = resolve;
      element[name] = url;
      document.documentElement.append(element);
    });
    await load(document.createElement('img'), 'src');
    await load(document.createElement('script'), 'src');
    await load(document.createElement('iframe'), 'src');
  }, url);
  const embedded = heads('GET', 'embedded');
  if (embedded.length < 3) throw new Error(`expected at least 3 requests, found ${embedded.length}`);
  for (const head of embedded) {
    if (!/^Sec-Fetch-Site: (cross-site|same-site)\r$/im.test(head)) throw new Error(`no Sec-Fetch-Site: ${head}`);
    // Sends the same bytes again, to see the status that the browser received.
    const status = await new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(head.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`)));
      socket.once('data', (bytes) => (socket.destroy(), resolve(bytes.toString('latin1').split(' ')[1]))).on('error', reject);
    });
    same(status, '403', 'the status');
  }
  await Promise.all([
    page.waitForNavigation({ url: `${server}` }).catch(() => {}),
    page.evaluate((server) => { location.href = server; }, server),
  ]);
  const title = await page.evaluate(() => document.title);
  if (!title.startsWith('goldcrest')) throw new Error(`expected the page goldcrest, found ${title}`);
  await page.close();
});

await context.close();
program.removeAllListeners('exit');
end();
