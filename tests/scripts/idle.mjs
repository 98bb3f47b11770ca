// Sends requests through a proxy at the moment when its idle connections to the server reach their timeout.
//
//   node idle.mjs relay HOST:PORT MILLISECONDS     relays to the server with this delay each way; prints the relay's port
//   node idle.mjs ask URL IDLE_MILLISECONDS        bursts around the timeout; prints the counts of 202 and 502 responses
//
// A proxy with a longer idle timeout than the server may send a request on a connection that the server is closing
// (RFC 9112 §9.3.1). On loopback that is rare; with the delay of the relay it is certain.
import { request } from 'node:http';
import { connect, createServer } from 'node:net';

const [mode, target, number] = process.argv.slice(2);
const milliseconds = Number(number);
const LANES = 20;

if (mode === 'relay') {
  const [host, port] = target.split(':');
  const later = (action) => setTimeout(action, milliseconds);
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host, port, allowHalfOpen: true });
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      from.on('data', (chunk) => later(() => to.write(chunk)));
      from.on('end', () => later(() => to.end()));
      from.on('error', () => later(() => to.destroy()));
    }
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
} else {
  const count = { answered: 0, bad: 0 };
  const post = () => new Promise((resolve, reject) => {
    const options = { method: 'POST', agent: false, headers: { 'Content-Type': 'text/plain', 'Content-Length': 1 } };
    request(target, options, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 502) count.bad += 1;
        else if (response.statusCode === 202) count.answered += 1;
        else reject(new Error(`expected status 202 or 502, received ${response.statusCode}`));
        resolve();
      });
    }).on('error', reject).end('x');
  });
  const burst = () => Promise.all(Array.from({ length: LANES }, post));
  for (let offset = -150; offset <= 150; offset += 25) {
    await burst();
    await new Promise((resolve) => setTimeout(resolve, milliseconds + offset));
    await burst();
  }
  console.log(`${count.answered} answered, ${count.bad} times 502`);
}
