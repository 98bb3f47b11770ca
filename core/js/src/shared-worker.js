// The worker's end: one subscription for all pages that ask for the same.

import { subscribe } from './goldcrest.js';
import { isAfter } from './ids.js';

/** Between two questions to a page whether it is there; one that missed two is gone, or asleep. */
const ASK = 2e4;
/** How often one that catches up asks. */
const CATCH_UP = 200;

const channels = new Map();

/** Serves the page behind `port`, whose first message says to what it subscribes. */
export function serve(port) {
  let channel;
  let key;
  let at; // where this page is
  let own; // its own subscription, while it catches up with the others
  let missed = 0;
  let timer;

  function tell(call, said) {
    if (call === 'onEvent') {
      if (!isAfter(said.id, at)) return;
      at = said.id;
    } else if (call === 'onGap') at = said.after;
    port.postMessage({ call, said, at });
  }

  function enter({ url, options: { after, ...options } }) {
    key = JSON.stringify([url, options]);
    at = after;
    channel = channels.get(key);
    if (!channel) {
      const members = new Set();
      const made = channel = { members, ports: new Set() }; // `channel` is this page's, which may leave before the others
      channels.set(key, made);
      const all = (call) => (said) => members.forEach((tell) => tell(call, said));
      made.handle = subscribe(url, {
        ...options,
        after,
        onEvent: all('onEvent'),
        onGap: all('onGap'),
        onState(said) {
          made.said = said;
          if (said.state === 'closed') channels.delete(key);
          all('onState')(said);
        },
      });
    }
    const { handle, members, said, ports } = channel;
    ports.add(port);
    tell('onState', said);
    timer = setInterval(() => {
      if ((missed += 1) > 3) leave('lost');
      else port.postMessage({});
    }, ASK);
    if (after === 'newest') at = handle.cursor;
    if (after === 'newest' || ports.size < 2) return members.add(tell);
    own = subscribe(url, { ...options, after, transports: ['poll'], pollInterval: CATCH_UP, onEvent: tell.bind(null, 'onEvent'), onGap: tell.bind(null, 'onGap') });
    catchUp(handle, members);
  }

  function catchUp(handle, members) {
    if (!own) return;
    // Not behind the others any more: from here on all hear the same, each from where it is.
    if (handle.cursor !== 'newest' && !isAfter(handle.cursor, own.cursor)) {
      at = own.cursor;
      own.close();
      own = null;
      members.add(tell);
    } else setTimeout(catchUp, CATCH_UP, handle, members);
  }

  function leave(call) {
    if (!channel) return;
    clearInterval(timer);
    own?.close();
    own = null;
    const { handle, members, ports } = channel;
    members.delete(tell);
    ports.delete(port);
    channel = null;
    if (call) port.postMessage({ call });
    port.close();
    if (!ports.size) handle?.close(); // which says `closed`
  }

  port.onmessage = ({ data }) => {
    missed = 0;
    if (data.url) {
      try {
        enter(data);
      } catch (error) { // what it subscribes to, or how, makes no sense
        channels.delete(key);
        tell('onState', { state: 'closed', error });
      }
    } else if (data.bye) leave();
    else if (data.key) {
      channel?.handle.publish(data.data, data).then(
        (id) => port.postMessage({ key: data.key, id }),
        ({ message }) => port.postMessage({ key: data.key, error: message }),
      );
    }
  };
}
