// The worker's side: one subscription for all pages with the same URL and options.

import { subscribe } from './goldcrest.js';
import { isAfter } from './ids.js';

/** The interval of probes to a page, in ms; a page that has missed several is closed or frozen. */
const ASK = 2e4;
/** The poll interval of a page that catches up, in ms. */
const CATCH_UP = 200;

const channels = new Map();

/** Serves the page behind `port`, whose first message has the URL and the options of the subscription. */
export function serve(port) {
  let channel;
  let key;
  let at; // the cursor of this page
  let own; // its own subscription while it catches up with the shared one
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
      const made = channel = { members, ports: new Set() }; // not `channel`, which is unset when this page leaves
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
    // The page has caught up: from here on it gets the events of the shared subscription.
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
    if (!ports.size) handle?.close(); // which reports `closed`
  }

  port.onmessage = ({ data }) => {
    missed = 0;
    if (data.url) {
      try {
        enter(data);
      } catch (error) { // an invalid URL or option
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
