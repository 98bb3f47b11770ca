// npm's `ws` and `eventsource`, and Node's fetch: subscribe, publish, resume.

import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';

import { Reader } from './reader.js';
import { publish, resumeMatrix, same } from './resume.js';

const base = process.env.GOLDCREST_URL;
const tools = { EventSource, WebSocket, fetch };
const prefix = `${process.env.CHANNEL_PREFIX ?? ''}node-${process.pid}`;

const checked = await resumeMatrix(base, prefix, tools);
console.log(`node: ${checked} resumes, each with exactly the expected ids`);

const channel = `${prefix}-publish`;
const socket = await new Reader('websocket', base, channel, {}, { tools }).open();
const source = await new Reader('sse', base, channel, {}, { tools }).open();
const answer = await socket.publish({ type: 'sample', data: 'über WebSocket' });
const posted = await publish(base, channel, 'by POST', tools);
same(posted.subscribers, 2, 'the number of subscribers');
for (const reader of [socket, source]) {
  const [first, second] = [await reader.next(), await reader.next()];
  same(first, { id: answer.id, type: 'sample', data: 'über WebSocket' }, 'the first event');
  same(second, { id: posted.id, type: 'message', data: 'by POST' }, 'the second event');
  reader.close();
}
console.log('node: published over ws and by fetch, received over ws and eventsource');
process.exit(0);
