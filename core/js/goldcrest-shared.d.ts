/**
 * The same interface as `goldcrest.js`, with one connection for all tabs of an origin that subscribe to the same URL with the same
 * options; a SharedWorker holds it. Without SharedWorker, or with `fetch` or `WebSocket` among the options, each tab has its own
 * connection. An unknown transport closes the subscription: `onState` gets the `TypeError`.
 */

export type * from './goldcrest.js';
export { subscribe } from './goldcrest.js';
