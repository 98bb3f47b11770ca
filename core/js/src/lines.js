// A body as it comes, cut into lines.

import { failure } from './failure.js';

/** `text`, if it is of a length that a server may send: memory stays bounded. In UTF-16 units. */
export function bounded(text) {
  if (text.length > 1 << 22) throw failure('endless');
  return text;
}

/** Calls `each` with each line of the body. What no line end follows is no line; any byte is a sign of life. */
export async function lines(attempt, { body }, each) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    attempt.heard = 1;
    attempt.watch();
    // A CR at the end waits: a LF may follow, which belongs to it.
    const whole = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = bounded(whole.pop());
    whole.forEach(each);
  }
}
