// A proxy with the faults of networks and of other proxies. `rule(n)` returns the faults of the n-th connection:
//
//   cut: N           disconnects after N bytes of responses, by a reset, or by FIN with `how: 'end'`
//   cutRequest: N    disconnects after N bytes of requests
//   refuse           resets it before anything is read
//   strip            removes `Upgrade` from requests, as a proxy without WebSocket support
//   hold             buffers endless responses for ever: 'body' their bodies, 'all' their heads as well
//   delay: MS        delays responses
//   path: [A, B]     requests channel B in place of A

import net from 'node:net';

export class Proxy {
  connections = 0;
  requests = [];
  /** The `Last-Event-ID` fields of requests, in their order. */
  lastEventIds = [];
  /** The number of response bytes. */
  answered = 0;
  /** The number of responses that are held. */
  held = 0;
  #pairs = new Set();

  /** Listens in front of `server`, a base URL; resolves once it does. */
  static async before(server, rule = () => ({})) {
    const proxy = new Proxy();
    proxy.rule = rule;
    proxy.server = new URL(server);
    proxy.listener = net.createServer((near) => proxy.#pass(near));
    await new Promise((resolve) => proxy.listener.listen(0, '127.0.0.1', resolve));
    proxy.base = `http://127.0.0.1:${proxy.listener.address().port}/`;
    return proxy;
  }

  #pass(near) {
    const { cut = Infinity, cutRequest = Infinity, how, refuse, strip, hold, delay, path } = this.rule(this.connections++) ?? {};
    near.setNoDelay(true);
    near.on('error', () => {});
    if (refuse) return near.resetAndDestroy();
    const far = net.connect(Number(this.server.port), this.server.hostname);
    far.setNoDelay(true);
    const pair = [near, far];
    this.#pairs.add(pair);
    const end = (kind) => {
      this.#pairs.delete(pair);
      if (kind === 'end') near.end();
      else if (kind === 'reset') near.resetAndDestroy();
      else near.destroy();
      far.destroy();
    };
    let requested = 0;
    let responded = 0;
    let held = false;
    near.on('data', (bytes) => {
      let text = bytes.toString('latin1');
      for (const [line] of text.matchAll(/^(GET|POST) \S+(?= HTTP\/1\.1)/gm)) this.requests.push(line);
      for (const [, id] of text.matchAll(/^Last-Event-ID: (.*)\r$/gim)) this.lastEventIds.push(id);
      if (strip) text = text.replace(/^(Upgrade|Connection|Sec-WebSocket-[A-Za-z]+):.*\r\n/gim, '');
      if (path) text = text.replace(`/events/${path[0]}`, `/events/${path[1]}`);
      const sent = text.slice(0, Math.max(0, cutRequest - requested));
      far.write(Buffer.from(sent, 'latin1'));
      requested += text.length;
      if (requested >= cutRequest) setTimeout(end, 5, how ?? 'reset');
    });
    far.on('data', (bytes) => {
      // Turned into a comment of the same length, so that no test waits for the server's reconnection time.
      let text = bytes.toString('latin1').replace('retry: 3000', ':etry: 3000');
      if (hold && /^HTTP\/1\.1 200(?:.*\r\n)*?Transfer-Encoding/.test(text)) {
        held = true;
        this.held += 1;
        text = hold === 'body' ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : '';
      } else if (held) text = '';
      const pass = () => {
        if (near.destroyed || responded >= cut) return;
        near.write(Buffer.from(text.slice(0, cut - responded), 'latin1'));
        responded += text.length;
        this.answered += text.length;
        if (responded >= cut) end(how ?? 'reset');
      };
      if (delay) setTimeout(pass, delay);
      else pass();
    });
    if (cut === 0) return end(how ?? 'reset');
    for (const socket of pair) socket.on('error', () => end()).on('close', () => end());
  }

  /** Drops all further bytes of the open connections. */
  mute() {
    for (const sockets of this.#pairs) sockets.forEach((socket) => socket.removeAllListeners('data').on('data', () => {}));
  }

  /** Resets all connections. */
  cut() {
    for (const sockets of this.#pairs) sockets.forEach((socket) => socket.resetAndDestroy());
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.listener.close(resolve));
  }
}
