/**
 * Live updates over WebSocket, Server-Sent Events, streaming, long polling or polling: the best transport that works is used. One
 * cursor over all of them prevents lost and repeated events; events that the log has overwritten are reported as a gap.
 */

export type Transport = 'websocket' | 'sse' | 'stream' | 'longpoll' | 'poll';

/** An event of the log. */
export interface GoldcrestEvent {
  /** `EPOCH-SEQ`: a cursor for `after`. */
  readonly id: string;
  /** `message` by default. */
  readonly type: string;
  /** Text, or bytes if bytes were published. */
  readonly data: string | Uint8Array;
}

/** Missed events: they were overwritten in the log, or the log has a new epoch. */
export interface Gap {
  /** The number of missed events; absent if it is unknown. */
  readonly missed?: number;
  /** The id after which reading continues. */
  readonly after: string;
}

export type State = 'connecting' | 'open' | 'waiting' | 'closed';

/** An error; `status` and `delay` are present if there was a response. */
export interface Failure extends Error {
  /** The status of the response. */
  status?: number;
  /** The response's `Retry-After` in milliseconds, clamped to 500 to 60000; 0 without one. */
  delay?: number;
}

export interface StateChange {
  /**
   * `connecting`: a transport is being tried. `open`: it works. `waiting`: a delay before the next attempt. `closed`: permanently,
   * by `close()`, by a response with the status 204, 401, 403, 404 or 410, or because none of `transports` is available.
   */
  readonly state: State;
  /** Undefined if none of `transports` is available. */
  readonly transport: Transport;
  /** The cause of `waiting`, and of `closed` other than by `close()`. */
  readonly error?: Failure;
}

export interface Options {
  /**
   * The id after which to begin. `newest` (the default): with the next event; `oldest`: with the oldest event in the log.
   */
  after?: string;
  /**
   * The transports to use, the best first. Default: all, in the order of {@link Transport}. An unknown one throws a `TypeError`. If
   * none is available (`websocket` alone, without WebSocket), the subscription is closed from the beginning.
   */
  transports?: readonly Transport[];
  /** The poll interval, in ms. Default: 3000. */
  pollInterval?: number;
  /** The wait of a long poll, in seconds. Default: 25. */
  wait?: number;
  /** The time within which a transport must show that it works, in ms. Default: 5000. */
  patience?: number;
  /** The idle timeout, in ms: then a WebSocket is probed and other connections are replaced. The server sends something every 15 s. Default: 40000. */
  idleTimeout?: number;
  /** The delay before better transports are retried beside the one in use, in ms; it grows with each failure. Default: 10000. */
  retryBetterAfter?: number;
  /**
   * The delay before a reconnect, in ms: doubled with each failure up to 60000, with up to 50 % of jitter. Default: 1000. SSE's
   * `retry:` replaces it, clamped to 500 to 60000.
   */
  retry?: number;
  onEvent?(event: GoldcrestEvent): void;
  onGap?(gap: Gap): void;
  onState?(change: StateChange): void;
  /** Replaces the global `fetch`, for example to add credentials or header fields. */
  fetch?: typeof fetch;
  /** Replaces the global `WebSocket`, which Node 20 lacks: npm's `ws` fits. Without either, the transport is left out. */
  WebSocket?: new (url: string, protocol: string) => WebSocket;
}

export interface PublishOptions {
  /** The event's type, at most 64 bytes. Default: `message`. */
  type?: string;
  /** The idempotency key, at most 128 bytes. The channel remembers 64 keys: the same data is stored once, other data is rejected (422). Default: a new one. */
  key?: string;
}

export interface Subscription {
  /**
   * Publishes text or bytes to the channel. Resolves to the event's id once it is stored. Until then it is sent again, over any
   * transport that works, and stored once. Publications of one subscription are stored in their order. Rejects with a
   * {@link Failure} if the server rejects it or the subscription is closed. The bytes must not be modified before.
   */
  publish(data: string | ArrayBuffer | ArrayBufferView | Blob, options?: PublishOptions): Promise<string>;
  /** Ends the subscription. No callback except `onState` is called afterwards; unacknowledged publications reject. */
  close(): void;
  /** The bytes of unacknowledged publications. */
  readonly bufferedAmount: number;
  /** The id of the last reported event: `after` to resume here. */
  readonly cursor: string;
  readonly state: State;
  /** The transport in use, or being tried. */
  readonly transport: Transport;
}

/**
 * Subscribes to a channel, such as `/events/news`, and connects at once.
 *
 * An error thrown by a callback is an unhandled rejection (`unhandledrejection`) and does not stop the subscription. A fragment of
 * the URL is not sent.
 */
export function subscribe(url: string | URL, options?: Options): Subscription;
