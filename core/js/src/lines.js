// Response bodies: read as lines, or as a whole.

import { failure } from './failure.js';

/** Returns `text`; throws beyond 4 Mi UTF-16 units, so that memory is bounded. */
export function bounded(text) {
  if (text.length > 1 << 22) throw failure('endless');
  return text;
}

/** Parses a JSON object; throws for other JSON. */
export function object(text) {
  if (!/^\s*{/.test(text)) throw failure('not JSON');
  return JSON.parse(text);
}

/** Reads a body as text. `take` gets the unread text and returns the rest that it leaves. Resolves to the rest at the end. */
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

/** Calls `each` with each line of the body; an unterminated last line is discarded. Any byte restarts the idle timeout. */
export const lines = (attempt, response, each) => read(response, (text) => {
  attempt.heard = 1;
  attempt.watch();
  // A CR at the end is left: a LF of the same line end may follow.
  const whole = text.split(/\r?\n|\r(?!$)/);
  const rest = whole.pop();
  whole.forEach(each);
  return rest;
});
