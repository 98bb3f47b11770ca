/**
 * The same as `goldcrest.js` for several tabs: one connection for all tabs of an origin that subscribe to the same with the
 * same options, held by a SharedWorker. Where there is none, or with `fetch` or `WebSocket` among the options, each tab has
 * its own connection. Of a transport that nobody knows `onState` is told by a `TypeError` as it closes.
 */

export type * from './goldcrest.js';
export { subscribe } from './goldcrest.js';
