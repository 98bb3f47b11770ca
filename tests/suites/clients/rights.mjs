// Rights behind a proxy: `rights.mjs service PORT` is the service that the proxy asks. `rights.mjs check URL` is the client: a cookie
// reads, a bearer token publishes, and the cookie's WebSocket does not publish.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { WebSocket } from 'ws';

const [mode, argument] = process.argv.slice(2);
const cookie = { cookie: 'user=ada' };
const bearer = { authorization: 'Bearer secret' };

function decide({ method, headers }) {
  if (headers.authorization === bearer.authorization) return [204, { 'goldcrest-rights': 'read, publish' }];
  if (headers.cookie !== cookie.cookie) return [401, { 'www-authenticate': 'Bearer' }];
  return headers['x-original-method'] === 'GET' ? [204, {}] : [403, {}];
}

if (mode === 'service') {
  createServer((request, response) => response.writeHead(...decide(request)).end()).listen(Number(argument), '127.0.0.1', () => console.log('listening'));
} else {
  const url = new URL('/events/rights', argument);
  const publish = async (headers) => (await fetch(url, { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain', ...headers } })).status;
  const read = async (headers) => {
    const response = await fetch(url, { headers });
    return response.status === 200 ? (await response.json()).events.map(({ data }) => data) : response.status;
  };
  const socket = (headers, protocols = []) => new WebSocket(url.href.replace('http', 'ws'), protocols, { headers });
  const outcome = (opened, message) =>
    new Promise((resolve, reject) => {
      opened.on('open', () => opened.send(message));
      opened.on('message', (data) => resolve(`${data}`));
      opened.on('close', (code) => resolve(code));
      opened.on('error', reject);
    });

  assert.deepEqual([await read({}), await publish({})], [401, 401]);
  assert.deepEqual([await read(cookie), await publish(cookie)], [[], 403]);
  assert.equal(await outcome(socket(cookie), 'forged'), 1008);
  // The client's own field does not replace the proxy's.
  assert.equal(await outcome(socket({ ...cookie, 'goldcrest-rights': 'read, publish' }), 'forged'), 1008);
  const reply = JSON.parse(await outcome(socket(cookie, ['goldcrest.v1']), '{"data":"forged","ref":1}'));
  assert.deepEqual(reply, { ref: 1, error: 'publishing to this channel is not permitted' });
  assert.deepEqual(await read(cookie), [], 'no forged event is stored');

  // The socket of the reply above still follows the channel.
  assert.equal(await publish(bearer), 201);
  assert.equal(await outcome(socket(bearer), 'over a WebSocket'), 'over a WebSocket');
  assert.deepEqual(await read(cookie), ['x', 'over a WebSocket']);
  console.log('rights: a cookie reads, a token publishes, and no forged event is stored');
  process.exit(0);
}
