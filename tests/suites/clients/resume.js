// Ends a subscription over one transport and resumes it over another, for all pairs, with third-party clients. It runs in Node
// and in a browser.

import { Reader, TRANSPORTS } from './reader.js';

export async function publish(base, channel, data, tools = globalThis) {
  const headers = { 'content-type': 'text/plain' };
  const response = await tools.fetch(new URL(`events/${channel}`, base), { method: 'POST', headers, body: data });
  if (![201, 202].includes(response.status)) throw new Error(`a publish: expected status 201 or 202, received ${response.status}`);
  const answer = await response.json();
  if ((response.status === 201) !== answer.subscribers > 0) throw new Error(`${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

export function same(actual, expected, subject) {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${subject}: expected ${wanted}, found ${found}`);
}

// Runs all pairs and situations; resolves to their number.
export async function resumeMatrix(base, prefix, tools = globalThis) {
  let checked = 0;
  for (const from of TRANSPORTS) {
    for (const to of TRANSPORTS) {
      for (const [situation, check] of Object.entries({ known, without, foreign })) {
        const channel = `${prefix}-${from}-${to}-${situation}`;
        const publishText = (data) => publish(base, channel, data, tools).then(({ id }) => id);
        const read = (transport, query) => new Reader(transport, base, channel, query, { tools }).open();
        try {
          await check(publishText, read, from, to);
        } catch (error) {
          throw new Error(`from ${from} to ${to}, ${situation}: ${error.message}`, { cause: error });
        }
        checked += 1;
      }
    }
  }
  return checked;
}

async function leave(publishText, read, from) {
  const begin = await read('poll', {});
  const before = await publishText('before');
  await begin.ids(1);
  begin.close();
  const reader = await read(from, { after: before });
  const ids = [await publishText('one'), await publishText('two'), await publishText('three')];
  same(await reader.ids(3), ids, 'the ids over the first transport');
  const { cursor } = reader;
  reader.close();
  same(cursor, ids[2], 'the cursor');
  return { cursor, kept: [before, ...ids] };
}

async function known(publishText, read, from, to) {
  const { cursor } = await leave(publishText, read, from);
  const ids = [await publishText('four'), await publishText('five')];
  const reader = await read(to, { after: cursor });
  ids.push(await publishText('six'));
  same(await reader.ids(3), ids, 'the ids over the second transport');
  reader.close();
}

async function without(publishText, read, from, to) {
  const { kept } = await leave(publishText, read, from);
  kept.push(await publishText('four'));
  const reader = await read(to, {});
  if (to === 'poll') {
    same(await reader.ids(kept.length), kept, 'a first poll');
  } else if (to === 'longpoll') {
    // Without a cursor a long poll begins with the next event: publish until the long poll is there.
    let first;
    while (reader.items.length === 0) first = await publishText('first');
    const [got] = await reader.ids(1);
    if (kept.includes(got)) throw new Error(`a long poll without a cursor got ${got}, of ${kept}`);
    reader.close();
    return first;
  }
  const next = await publishText('five');
  same(await reader.ids(1), [next], 'the ids of the next events');
  reader.close();
}

async function foreign(publishText, read, from, to) {
  const { cursor, kept } = await leave(publishText, read, from);
  const [epoch, seq] = cursor.split('-');
  const other = ((Number.parseInt(epoch, 16) ^ 1) >>> 0).toString(16).padStart(8, '0');
  const reader = await read(to, { after: `${other}-${seq}` });
  const { gap } = await reader.next();
  same(gap, {}, 'the gap');
  same(await reader.ids(kept.length), kept, 'the ids after the gap');
  reader.close();
}
