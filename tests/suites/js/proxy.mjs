// A proxy that does to connections what networks and other proxies do. `rule(n, head)` says what befalls the n-th connection:
//
//   cut: N           breaks it after N bytes of answers, by a reset, or by `how: 'end'`
//   cutRequest: N    breaks it after N bytes of requests
//   refuse           breaks it before anything is read
//   strip            takes `Upgrade` out of requests, as a proxy that does not know it
//   hold             keeps the body of an endless answer to itself
//   delay: MS        passes answers on later
//   path: [A, B]     asks for B where A was asked for

import net from 'node:net';

export class Proxy {
  connections = 0;
  requests = [];
  /** The `Last-Event-ID` fields of requests, in their order. */
  lastEventIds = [];
  answered = 0;
  #pairs = new Set();

  /** Listens before `server`, a base URL; resolves once it does. */
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
    let asked = 0;
    let told = 0;
    let held = false;
    near.on('data', (bytes) => {
      let text = bytes.toString('latin1');
      for (const [line] of text.matchAll(/^(GET|POST) \S+(?= HTTP\/1\.1)/gm)) this.requests.push(line);
      for (const [, id] of text.matchAll(/^Last-Event-ID: (.*)\r$/gim)) this.lastEventIds.push(id);
      if (strip) text = text.replace(/^(Upgrade|Connection|Sec-WebSocket-[A-Za-z]+):.*\r\n/gim, '');
      if (path) text = text.replace(`/events/${path[0]}`, `/events/${path[1]}`);
      const sent = text.slice(0, Math.max(0, cutRequest - asked));
      far.write(Buffer.from(sent, 'latin1'));
      asked += text.length;
      if (asked >= cutRequest) setTimeout(end, 5, how ?? 'reset');
    });
    far.on('data', (bytes) => {
      // So that nobody waits for seconds, or for the least that a server may ask for: as many bytes, and a comment.
      let text = bytes.toString('latin1').replace('retry: 3000', ':etry: 3000');
      if (hold && /^HTTP\/1\.1 200(?:.*\r\n)*?Transfer-Encoding/.test(text)) {
        held = true;
        text = hold === 'body' ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : '';
      } else if (held) text = '';
      const pass = () => {
        if (near.destroyed || told >= cut) return;
        near.write(Buffer.from(text.slice(0, cut - told), 'latin1'));
        told += text.length;
        this.answered += text.length;
        if (told >= cut) end(how ?? 'reset');
      };
      if (delay) setTimeout(pass, delay);
      else pass();
    });
    if (cut === 0) return end(how ?? 'reset');
    for (const socket of pair) socket.on('error', () => end()).on('close', () => end());
  }

  /** Passes nothing more on, on the connections that there are. */
  mute() {
    for (const sockets of this.#pairs) sockets.forEach((socket) => socket.removeAllListeners('data').on('data', () => {}));
  }

  /** Breaks all connections. */
  cut() {
    for (const sockets of this.#pairs) sockets.forEach((socket) => socket.resetAndDestroy());
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.listener.close(resolve));
  }
}
