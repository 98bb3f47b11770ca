// Requests through a proxy just when a connection between it and the server has been idle for as long as one of the two keeps it.
//
//   node idle.mjs relay HOST:PORT MILLISECONDS              a network that takes so long each way to that server; prints its port
//   node idle.mjs ask URL IDLE_MILLISECONDS                 bursts at the boundary; prints how many were answered, and how many by 502
//
// A proxy that keeps idle connections for longer than the server may send a request on one that the server is closing. The
// slower the network, the longer that takes: on loopback it is rare, over the relay it is certain.
import { request } from 'node:http';
import { connect, createServer } from 'node:net';

const [what, where, number] = process.argv.slice(2);
const milliseconds = Number(number);
const LANES = 20;

if (what === 'relay') {
  const [host, port] = where.split(':');
  const later = (act) => setTimeout(act, milliseconds);
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host, port, allowHalfOpen: true });
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      from.on('data', (piece) => later(() => to.write(piece)));
      from.on('end', () => later(() => to.end()));
      from.on('error', () => later(() => to.destroy()));
    }
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
} else {
  const count = { answered: 0, bad: 0 };
  const post = () => new Promise((resolve, reject) => {
    const options = { method: 'POST', agent: false, headers: { 'Content-Type': 'text/plain', 'Content-Length': 1 } };
    request(where, options, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 502) count.bad += 1;
        else if (answer.statusCode === 202) count.answered += 1;
        else reject(new Error(`status ${answer.statusCode}`));
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
