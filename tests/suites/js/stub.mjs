// A server with the responses of a test: `respond(request, response, n)` is called for the n-th request.

import http from 'node:http';

export async function stub(respond) {
  const at = [];
  const server = http.createServer((request, response) => {
    at.push(performance.now());
    respond(request, response, at.length - 1);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    base: `http://127.0.0.1:${server.address().port}/`,
    /** The time of each request, in ms. */
    at,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
