// A subscriber with the same interface over all five transports, by the APIs of a browser: fetch, EventSource, WebSocket.
// `tools` replaces them by other implementations.

export const TRANSPORTS = ['poll', 'longpoll', 'stream', 'sse', 'websocket'];

const PATIENCE = 15_000;

export class Reader {
  // `query` is an object: `{ after: '…' }`. `fields` are for the transports that can send fields.
  constructor(transport, base, channel, query = {}, { fields = {}, tools = globalThis } = {}) {
    this.transport = transport;
    this.url = new URL(`events/${channel}`, base);
    for (const [name, value] of Object.entries(query)) this.url.searchParams.set(name, value);
    this.fields = fields;
    this.tools = tools;
    this.items = [];
    this.waiting = null;
    this.failure = null;
    this.cursor = query.after ?? null;
    this.requests = 0;
    this.over = new AbortController();
  }

  // Begins to read; resolves once the subscription is established (a long poll: once it was sent).
  async open() {
    switch (this.transport) {
      case 'sse': return this.openEventSource();
      case 'websocket': return this.openWebSocket();
      case 'stream': return this.openStream();
      default:
        this.poll().catch((error) => this.fail(error));
        return this;
    }
  }

  openEventSource() {
    return new Promise((resolve, reject) => {
      this.source = new this.tools.EventSource(this.url.href);
      this.source.onopen = () => {
        this.requests += 1;
        resolve(this);
      };
      // An error in another state than CLOSED (2) starts a reconnect (WHATWG HTML §9.2.3).
      this.source.onerror = () => this.source.readyState === 2 && reject(new Error('the EventSource closed'));
      for (const type of ['message', 'sample']) {
        this.source.addEventListener(type, ({ lastEventId, data }) => this.take({ id: lastEventId, type, data }));
      }
      this.source.addEventListener('gap', ({ lastEventId, data }) => this.take({ gap: JSON.parse(data), after: lastEventId }));
    });
  }

  openWebSocket() {
    return new Promise((resolve, reject) => {
      const url = new URL(this.url);
      url.protocol = url.protocol.replace('http', 'ws');
      this.socket = new this.tools.WebSocket(url.href, ['goldcrest.v1']);
      this.socket.onopen = () => resolve(this);
      this.socket.onerror = () => reject(new Error('the WebSocket failed'));
      this.socket.onclose = ({ code, reason }) => this.fail(new Error(`the WebSocket was closed: ${code} ${reason}`));
      this.socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.ref === undefined) this.take(message);
        else this.answered?.(message);
      };
    });
  }

  // Publishes over the WebSocket, and resolves to the acknowledgement.
  publish(message) {
    return new Promise((resolve) => {
      this.answered = resolve;
      this.socket.send(JSON.stringify({ ref: 'a', ...message }));
    });
  }

  async openStream() {
    const headers = { accept: 'application/x-ndjson', ...this.fields };
    const response = await this.tools.fetch(this.url, { headers, signal: this.over.signal });
    if (!response.ok) throw new Error(`a stream: expected status 200, received ${response.status}`);
    this.lines(response.body).catch((error) => this.fail(error));
    return this;
  }

  async lines(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let unread = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('the stream ended');
      const lines = (unread + value).split('\n');
      unread = lines.pop();
      for (const item of lines.map((line) => JSON.parse(line))) if (item.id || item.gap) this.take(item);
    }
  }

  // Polls repeatedly, with fetch's default cache mode.
  async poll() {
    const headers = { ...(this.transport === 'longpoll' ? { prefer: 'wait=20' } : {}), ...this.fields };
    while (!this.over.signal.aborted) {
      const response = await this.tools.fetch(this.url, { headers, signal: this.over.signal });
      this.requests += 1;
      if (response.status !== 200) throw new Error(`a poll: expected status 200, received ${response.status}`);
      const { events, gap, after } = await response.json();
      if (gap) this.take({ gap, after: null });
      for (const event of events) this.take(event);
      this.url.search = new URLSearchParams({ after });
      this.polled = after;
      for (const name of Object.keys(this.fields)) delete headers[name];
      if (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  take(item) {
    this.items.push(item);
    this.waiting?.();
  }

  fail(error) {
    if (this.over.signal.aborted) return;
    this.failure ??= error;
    this.waiting?.();
  }

  // The next item: `{ id, type, data }` or `{ gap, after }`.
  async next() {
    if (this.items.length === 0 && !this.failure) {
      await new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`expected an item over ${this.transport} within ${PATIENCE} ms`)), PATIENCE);
        this.waiting = () => {
          clearTimeout(late);
          resolve();
        };
      });
      this.waiting = null;
    }
    if (this.items.length === 0) throw this.failure;
    const item = this.items.shift();
    this.cursor = item.id ?? item.after ?? this.cursor;
    return item;
  }

  async ids(count) {
    const ids = [];
    while (ids.length < count) {
      const item = await this.next();
      if (item.gap) throw new Error(`expected an event, found a gap: ${JSON.stringify(item)}`);
      ids.push(item.id);
    }
    return ids;
  }

  close() {
    this.over.abort();
    this.source?.close();
    this.socket?.close();
  }
}
