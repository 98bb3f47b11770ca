// Behind nginx in common configurations the best transport that it passes is used.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { base, channel, publish, until, watch } from './harness.mjs';

/** Directives of a `location`, and the transport that is used with them. */
const CONFIGURATIONS = {
  'with Upgrade': ['proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;', 'websocket'],
  'without Upgrade': ['', 'sse'],
  'with buffering, although the server disables it': ['proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;', 'longpoll'],
};
const folder = mkdtempSync(join(tmpdir(), 'goldcrest-nginx-'));
const ports = [];
let nginx;

before(async () => {
  for (const _ of Object.keys(CONFIGURATIONS)) {
    const listener = net.createServer();
    await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
    ports.push(listener.address().port);
    await new Promise((resolve) => listener.close(resolve));
  }
  const servers = Object.values(CONFIGURATIONS).map(([lines], at) => `server { listen 127.0.0.1:${ports[at]}; location / { proxy_pass ${base}; proxy_set_header Host $http_host; ${lines} } }`);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  writeFileSync(join(folder, 'nginx.conf'), `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
    events { } http { access_log off; ${paths.join(' ')} ${servers.join('\n')} }`);
  nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' });
  for (const port of ports) {
    await until(() => fetch(`http://127.0.0.1:${port}/events/${channel('up')}`).then(({ ok }) => ok, () => false), 'nginx answers');
  }
});

after(() => {
  nginx?.kill();
  rmSync(folder, { recursive: true, force: true });
});

for (const [at, [configuration, [, transport]]] of Object.entries(CONFIGURATIONS).entries()) {
  test(`nginx ${configuration}: ${transport}`, async () => {
    const name = channel('nginx');
    const seen = watch(`http://127.0.0.1:${ports[at]}/events/${name}`, { patience: 1000, retryBetterAfter: 60_000 });
    await seen.is(transport);
    const ids = [await publish(name, 'one'), await seen.handle.publish('two'), await seen.handle.publish(new Uint8Array([0]))];
    await seen.has(ids[2]);
    assert.deepEqual(seen.ids, ids);
    assert.deepEqual(seen.worked, [transport]);
    seen.handle.close();
  });
}
