// A body as it comes: cut into lines, or whole.

import { failure } from './failure.js';

/** `text`, if it is of a length that a server may send: memory stays bounded. In UTF-16 units. */
export function bounded(text) {
  if (text.length > 1 << 22) throw failure('endless');
  return text;
}

/** The object that a server said in JSON. */
export function object(text) {
  if (!/^\s*{/.test(text)) throw failure('not JSON');
  return JSON.parse(text);
}

/** Reads a body as text; of what came so far `take` returns what it leaves for later. Resolves to what is left at the end. */
export async function read({ body }, take = (text) => text) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return rest;
    rest = bounded(take(rest + decoder.decode(value, { stream: true })));
  }
}

/** Calls `each` with each line of the body. What no line end follows is no line; any byte is a sign of life. */
export const lines = (attempt, answer, each) => read(answer, (text) => {
  attempt.heard = 1;
  attempt.watch();
  // A CR at the end waits: a LF may follow, which belongs to it.
  const whole = text.split(/\r?\n|\r(?!$)/);
  const rest = whole.pop();
  whole.forEach(each);
  return rest;
});
