// A buffering proxy without upgrades: it responds once it has the whole response of the server. It prints its address.
//
//   collect.mjs UPSTREAM     such as http://127.0.0.1:8080
import { createServer, request as ask } from 'node:http';

const [upstream] = process.argv.slice(2);
const server = createServer((request, response) => {
  const { host, upgrade, connection, ...headers } = request.headers;
  const forwarded = ask(new URL(request.url, upstream), { method: request.method, headers }, async (buffered) => {
    const chunks = await buffered.toArray().catch(() => null);
    if (chunks === null) return response.destroy();
    response.writeHead(buffered.statusCode, buffered.headers);
    return response.end(Buffer.concat(chunks));
  });
  forwarded.on('error', () => response.destroy());
  // A client that has disconnected ends its request to the server.
  response.on('close', () => forwarded.destroy());
  request.pipe(forwarded);
});
server.listen(0, '127.0.0.1', () => console.log(`listening at http://127.0.0.1:${server.address().port}`));
