// A use of the declared types, checked by `tsc --noEmit`.

import { type Failure, type Gap, type GoldcrestEvent, type Subscription, subscribe, type Transport } from '../../../core/js/goldcrest.js';
import { subscribe as shared } from '../../../core/js/goldcrest-shared.js';

const transports: readonly Transport[] = ['websocket', 'sse', 'poll'] as const;
const handle: Subscription = subscribe('/events/news', {
  after: 'oldest',
  transports,
  pollInterval: 1000,
  fetch: (input, init) => fetch(input, { ...init, credentials: 'include' }),
  WebSocket,
  onEvent({ id, type, data }: GoldcrestEvent) {
    const size: number = typeof data === 'string' ? data.length : data.byteLength;
    console.log(id, type, size);
  },
  onGap: ({ missed = 0, after }: Gap) => console.log(missed + 1, after),
  onState({ state, transport, error }) {
    const failure: Failure | undefined = error;
    console.log(state === 'open', transport === 'sse', failure?.status, failure?.delay);
  },
});
const id: Promise<string> = handle.publish('on', { type: 'led', key: 'k' });
handle.publish(new Uint8Array([1]));
console.log(id, handle.bufferedAmount, handle.cursor, handle.state, handle.transport);
handle.close();

const same: typeof subscribe = shared;
same(new URL('https://a.example/events/x'));

// @ts-expect-error an unknown transport
subscribe('/events/news', { transports: ['fax'] });
// @ts-expect-error data is text or bytes
handle.publish({ celsius: 21 });
// @ts-expect-error a read-only property
handle.cursor = 'oldest';
