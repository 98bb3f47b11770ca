/**
 * Live updates over WebSocket, Server-Sent Events, streaming, long polling or polling: the best of them that works, with
 * one cursor, so that nothing is lost that the log still holds and nothing comes twice.
 */

export type Transport = 'websocket' | 'sse' | 'stream' | 'longpoll' | 'poll';

/** An event of the log. */
export interface GoldcrestEvent {
  /** `EPOCH-SEQ`; what comes after it is asked for by `after`. */
  readonly id: string;
  /** `message`, if the publisher said nothing else. */
  readonly type: string;
  /** Text, or bytes where bytes were published. */
  readonly data: string | Uint8Array;
}

/** Events that the log does not hold any more, or that are of an earlier life of it. */
export interface Gap {
  /** How many; absent where that cannot be known. */
  readonly missed?: number;
  /** Reading goes on after this id. */
  readonly after: string;
}

export type State = 'connecting' | 'open' | 'waiting' | 'closed';

/** An error; what it has beside its message depends on what happened. */
export interface Failure extends Error {
  /** The status that the server answered. */
  status?: number;
  /** How long the server asked to wait by `Retry-After`, in milliseconds: from 500 to 60000, whatever it said; 0 if it did not. */
  delay?: number;
}

export interface StateChange {
  /**
   * `connecting`: a transport is being tried. `open`: it works. `waiting`: for the next try; the server may have asked
   * for that. `closed`: for good, by `close()`, because the server answered 204, 401, 403, 404 or 410, or since none of
   * `transports` is there.
   */
  readonly state: State;
  /** Undefined if none of `transports` is there. */
  readonly transport: Transport;
  /** Why it waits, or was closed other than by `close()`. */
  readonly error?: Failure;
}

export interface Options {
  /**
   * Begin after this id; `newest` (the default): with what is published from now on; `oldest`: with all that the log holds.
   */
  after?: string;
  /**
   * Which to use, the best first. Default: all, in the order of {@link Transport}. One that nobody knows is a `TypeError` at once;
   * where none is left, since there is no WebSocket, the subscription is closed from the beginning.
   */
  transports?: readonly Transport[];
  /** Between two polls, in ms. Default: 3000. */
  pollInterval?: number;
  /** How long a long poll waits, in seconds. Default: 25. */
  wait?: number;
  /** Within what time a transport must show that it works, in ms. Default: 5000. */
  patience?: number;
  /** What is silent for as long, in ms, is asked whether it is there, or given up. The server says something every 15 s. Default: 40000. */
  silence?: number;
  /** How long to stay on a lower transport before a higher one is tried again, in ms; longer each time that fails. Default: 10000. */
  climb?: number;
  /**
   * How long to wait before a reconnect, in ms, until the server says: up to half as much again, and twice as long each time it
   * fails, but no longer than 60000. Default: 1000. The server may say so by SSE's `retry:`, in digits; what it says is taken
   * for 500 at least and 60000 at most.
   */
  retry?: number;
  onEvent?(event: GoldcrestEvent): void;
  onGap?(gap: Gap): void;
  onState?(change: StateChange): void;
  /** Used in place of the global one: to add credentials or fields. */
  fetch?: typeof fetch;
  /** Used in place of the global one, which Node 20 lacks: npm's `ws` fits. Without any, WebSocket is left out. */
  WebSocket?: new (url: string, protocol: string) => WebSocket;
}

export interface PublishOptions {
  /** The event's type, at most 64 bytes. Default: `message`. */
  type?: string;
  /** The idempotency key, at most 128 bytes: while the channel remembers it (64 keys), the same content is stored once, and other content is refused (422). Default: a new one. */
  key?: string;
}

export interface Subscription {
  /**
   * Publishes to the channel: text, or bytes. Resolves to the event's id once the log holds it; until then it is sent
   * again, over whatever works, and stored once. Publications of one subscription are stored in their order. Rejects with a
   * {@link Failure} if the server refuses it or the subscription is closed. Bytes must not change before.
   */
  publish(data: string | ArrayBuffer | ArrayBufferView | Blob, options?: PublishOptions): Promise<string>;
  /** Ends it. No callback but `onState` is called any more; publications that were not confirmed reject. */
  close(): void;
  /** Bytes that were given to `publish()` and that the log is not known to hold. */
  readonly bufferedAmount: number;
  /** The id of the last event that was handed over: `after` for whoever goes on from here. */
  readonly cursor: string;
  readonly state: State;
  /** The transport in use, or being tried. */
  readonly transport: Transport;
}

/**
 * Subscribes to a channel, such as `/events/news`, and begins at once.
 *
 * An error thrown by a callback is a rejection that nobody handles (`unhandledrejection`) and stops nothing. A fragment of the
 * URL is not sent.
 */
export function subscribe(url: string | URL, options?: Options): Subscription;
