// A proxy that collects: it answers once it has the whole answer, and knows of no upgrade. It says where it listens.
//
//   collect.mjs UPSTREAM     such as http://127.0.0.1:8080
import { createServer, request as ask } from 'node:http';

const [upstream] = process.argv.slice(2);
const server = createServer((request, response) => {
  const { host, upgrade, connection, ...headers } = request.headers;
  const asked = ask(new URL(request.url, upstream), { method: request.method, headers }, async (answer) => {
    const pieces = await answer.toArray().catch(() => null);
    if (pieces === null) return response.destroy();
    response.writeHead(answer.statusCode, answer.headers);
    return response.end(Buffer.concat(pieces));
  });
  asked.on('error', () => response.destroy());
  // Who asks no more is not to be waited for.
  response.on('close', () => asked.destroy());
  request.pipe(asked);
});
server.listen(0, '127.0.0.1', () => console.log(`listening at http://127.0.0.1:${server.address().port}`));
