// A third-party server: npm's `ws`, and Server-Sent Events by Node's http. It prints its address.
//
//   node.mjs [CERTIFICATE KEY]     over TLS if there is a certificate
//
// /echo        a WebSocket echo; it accepts any subprotocol
// /close?CODE  a WebSocket that sends one message and closes with CODE
// /ticks       an event stream with ids from 1, three events per connection; Last-Event-ID resumes it
// /stop        an event stream of two events; a reconnect is answered by 204
// /moved       a redirect to /ticks
// /away?URL    a redirect to URL
// /text        a 200 with another content type
// /events/long an event with a long id and type, and an event of the type `gap` that is none of goldcrest's
// /fields      an event with the request's header fields as data; a POST is answered by 422 with its content types
// /gzip        an event stream with Content-Encoding: gzip
// /binary      a WebSocket that sends a binary message
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

const [certificate, key] = process.argv.slice(2);
const answer = (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const last = Number(request.headers['last-event-id'] ?? 0);
  const head = { 'content-type': 'text/event-stream; charset=utf-8' };
  switch (pathname) {
    case '/ticks': {
      response.writeHead(200, head);
      response.write('retry: 50\n\n');
      for (let id = last + 1; id <= last + 3; id += 1) response.write(`id: ${id}\nevent: tick\ndata: ${id}\ndata: more\n\n`);
      // The stream ends within an event, which a client must discard (WHATWG HTML §9.2.6).
      response.write('id: 99\ndata: half');
      return setTimeout(() => response.destroy(), 20);
    }
    case '/stop':
      if (last > 0) return response.writeHead(204).end();
      response.writeHead(200, head);
      return response.end('retry: 50\nid: 1\ndata: one\n\nid: 2\ndata: two\n\n');
    case '/moved': return response.writeHead(307, { location: '/ticks' }).end();
    case '/text': return response.writeHead(200, { 'content-type': 'text/plain' }).end('no events');
    case '/away':
    case '/events/away':
      return response.writeHead(302, { location: request.url.split('?')[1] }).end();
    case '/events/long':
      response.writeHead(200, head);
      response.write(`id: ${'i'.repeat(100)}\nevent: ${'t'.repeat(100)}\ndata: one\n\n`);
      return response.write('event: gap\ndata: {"hello":1}\n\n');
    case '/gzip':
    case '/events/gzip':
      response.writeHead(200, { ...head, 'content-encoding': 'gzip' });
      return response.end(gzipSync('data: one\n\n'));
    case '/fields':
      if (request.method === 'POST') {
        const { rawHeaders } = request;
        const types = rawHeaders.filter((_, at) => at % 2 && rawHeaders[at - 1].toLowerCase() === 'content-type');
        return response.writeHead(422, { 'content-type': 'text/plain' }).end(`types: ${types.join(' ')}`);
      }
      response.writeHead(200, head);
      return response.write(`data: ${JSON.stringify(request.headers)}\n\n`);
    default: return response.writeHead(404).end();
  }
};
const server = certificate
  ? createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answer)
  : createServer(answer);
const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (request, socket, head) => {
  const { pathname, search } = new URL(request.url, 'http://localhost');
  if (!['/echo', '/close', '/binary'].includes(pathname)) return socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
  sockets.handleUpgrade(request, socket, head, (client) => {
    if (pathname === '/binary') client.send(Buffer.from([0, 255, 10]));
    if (pathname === '/close') {
      client.send('bye');
      client.close(Number(search.slice(1)), 'because');
    }
    client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening at ${certificate ? 'https' : 'http'}://127.0.0.1:${server.address().port}`);
});
