// Leave one transport, resume on any other: the matrix for clients that nobody here wrote. It runs in Node and in a browser.

import { Reader, TRANSPORTS } from './reader.js';

export async function publish(base, channel, data, tools = globalThis) {
  const headers = { 'content-type': 'text/plain' };
  const response = await tools.fetch(new URL(`events/${channel}`, base), { method: 'POST', headers, body: data });
  if (![201, 202].includes(response.status)) throw new Error(`a publish was answered by ${response.status}`);
  const answer = await response.json();
  if ((response.status === 201) !== answer.subscribers > 0) throw new Error(`${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

export function same(actual, expected, what) {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: ${left}, not ${right}`);
}

// Runs all pairs and situations; resolves to how many there were.
export async function resumeMatrix(base, prefix, tools = globalThis) {
  let checked = 0;
  for (const from of TRANSPORTS) {
    for (const to of TRANSPORTS) {
      for (const [situation, check] of Object.entries({ known, without, foreign })) {
        const channel = `${prefix}-${from}-${to}-${situation}`;
        const say = (data) => publish(base, channel, data, tools).then(({ id }) => id);
        const read = (transport, query) => new Reader(transport, base, channel, query, { tools }).open();
        try {
          await check(say, read, from, to);
        } catch (error) {
          throw new Error(`from ${from} to ${to}, ${situation}: ${error.message}`, { cause: error });
        }
        checked += 1;
      }
    }
  }
  return checked;
}

async function leave(say, read, from) {
  const begin = await read('poll', {});
  const before = await say('before');
  await begin.ids(1);
  begin.close();
  const reader = await read(from, { after: before });
  const ids = [await say('one'), await say('two'), await say('three')];
  same(await reader.ids(3), ids, 'what the first one got');
  const { cursor } = reader;
  reader.close();
  same(cursor, ids[2], 'its cursor');
  return { cursor, kept: [before, ...ids] };
}

async function known(say, read, from, to) {
  const { cursor } = await leave(say, read, from);
  const ids = [await say('four'), await say('five')];
  const reader = await read(to, { after: cursor });
  ids.push(await say('six'));
  same(await reader.ids(3), ids, 'what the second one got');
  reader.close();
}

async function without(say, read, from, to) {
  const { kept } = await leave(say, read, from);
  kept.push(await say('four'));
  const reader = await read(to, {});
  if (to === 'poll') {
    same(await reader.ids(kept.length), kept, 'a first poll');
  } else if (to === 'longpoll') {
    // The first event that somebody waited for is the first that the waiting one gets.
    let first;
    while (reader.items.length === 0) first = await say('anybody?');
    const [got] = await reader.ids(1);
    if (kept.includes(got)) throw new Error(`a long poll without a cursor got ${got}, of ${kept}`);
    reader.close();
    return first;
  }
  const next = await say('five');
  same(await reader.ids(1), [next], 'what came next');
  reader.close();
}

async function foreign(say, read, from, to) {
  const { cursor, kept } = await leave(say, read, from);
  const [epoch, seq] = cursor.split('-');
  const other = ((Number.parseInt(epoch, 16) ^ 1) >>> 0).toString(16).padStart(8, '0');
  const reader = await read(to, { after: `${other}-${seq}` });
  const { gap } = await reader.next();
  same(gap, {}, 'the gap');
  same(await reader.ids(kept.length), kept, 'what follows the gap');
  reader.close();
}
