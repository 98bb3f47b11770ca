// A server that says what a test wants it to say: `answer(request, response, n)` for the n-th request.

import http from 'node:http';

export async function stub(answer) {
  const at = [];
  const server = http.createServer((request, response) => {
    at.push(performance.now());
    answer(request, response, at.length - 1);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    base: `http://127.0.0.1:${server.address().port}/`,
    /** When each request came. */
    at,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
