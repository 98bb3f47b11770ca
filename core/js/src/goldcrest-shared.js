// The same `subscribe` for several tabs of one origin: a SharedWorker holds one subscription for all of them.
//
// This module is the page's import and the worker's script as well.

import { subscribe as connect } from './goldcrest.js';
import { serve } from './shared-worker.js';

/** A worker that has sent no probe for this time, in ms, has ended: it sends one every 20 s (shared-worker.js). */
const GONE = 5e4;

if (globalThis.SharedWorkerGlobalScope) onconnect = ({ ports }) => serve(ports[0]);

/** Subscribes by the worker; without SharedWorker, or with options that cannot be cloned, by a connection of its own. */
export function subscribe(url, options = {}) {
  const { onEvent, onGap, onState, ...plain } = options;
  const prefix = `${Math.random()}-`;
  const pending = new Map(); // publications by key
  let { after: cursor = 'newest' } = options;
  let state = 'connecting';
  let transport;
  let port;
  let own; // the connection without a worker
  let closed;
  let timer;

  const settle = (key, outcome) => {
    pending.get(key)?.resolve(outcome);
    pending.delete(key);
  };

  function send(key, { data, type }) {
    if (own) settle(key, own.publish(data, { type, key }));
    else port.postMessage({ key, data, type });
  }

  function expect() {
    clearTimeout(timer);
    timer = setTimeout(join, GONE);
  }

  function join() {
    if (closed || own) return;
    leave();
    try {
      const worker = new SharedWorker(import.meta.url, { type: 'module', name: 'goldcrest' });
      worker.onerror = () => transport ?? alone(); // errors of a worker that works are reported here too
      ({ port } = worker);
      port.onmessage = heard;
      port.postMessage({ url: new URL(url, location.href).href, options: { ...plain, after: cursor } });
      expect();
    } catch {
      return alone();
    }
    pending.forEach((item, key) => send(key, item));
  }

  function alone() {
    if (closed) return;
    own ??= connect(url, { ...options, after: cursor });
    pending.forEach((item, key) => send(key, item));
  }

  function heard({ data: { call, said, at, key, id, error } }) {
    if (closed || own) return;
    expect();
    cursor = at ?? cursor;
    if (key) settle(key, id ?? Promise.reject(Error(error)));
    else if (call === 'lost') join(); // the page was frozen, and the worker dropped it
    else if (call) {
      if (call === 'onState') ({ state, transport } = said);
      if (state === 'closed') end(said);
      else options[call]?.(said);
    } else port.postMessage({ here: 1 });
  }

  function leave() {
    port?.postMessage({ bye: 1 });
    port?.close();
  }

  function end(said) {
    if (closed) return;
    over.abort();
    if (own) own.close();
    else leave();
    closed = true;
    pending.forEach((_, key) => settle(key, Promise.reject(Error('closed'))));
    if (!own) onState?.(said);
  }

  const back = ({ persisted }) => persisted && join();
  const over = new AbortController();
  globalThis.addEventListener?.('pagehide', leave, over);
  globalThis.addEventListener?.('pageshow', back, over);
  join();
  return {
    publish: (data, { type, key = prefix + pending.size + Math.random() } = {}) => new Promise((resolve) => {
      if (closed) throw Error('closed');
      pending.set(key, { data, type, size: new Blob([data]).size, resolve });
      send(key, pending.get(key));
    }),
    close: () => end({ state: 'closed', transport }),
    get bufferedAmount() { return [...pending.values()].reduce((sum, { size }) => sum + size, 0); },
    get cursor() { return own ? own.cursor : cursor; },
    get state() { return closed ? 'closed' : own ? own.state : state; },
    get transport() { return own ? own.transport : transport; },
  };
}
