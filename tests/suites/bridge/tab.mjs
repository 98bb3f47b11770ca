// A tab of Chromium, of the hub's origin, that reads a channel with two clients at once: goldcrest.js and the browser's
// EventSource. Both begin with the oldest event and reconnect by themselves; the page is never reloaded.
//
//   node tests/suites/bridge/tab.mjs http://127.0.0.1:8090/ CHANNEL
//
// It prints JSON lines: {"open":true} once, then {"by","id","data"} for an event and {"by","id","gap"} for a gap. It ends when its
// standard input ends.

import { openChromium } from '../browser/chromium.mjs';

const [origin, channel] = process.argv.slice(2);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const opening = openChromium();
process.stdin.resume().on('end', async () => {
  await opening.then((context) => context.close());
  process.exit();
});

const [page] = (await opening).pages();
page.on('crash', () => process.exit(1));
page.on('pageerror', (error) => console.error(`tab: ${error}`));
await page.exposeFunction('print', print);
// A document of this origin without scripts: the response to a poll.
await page.goto(`${origin}events/blank`);
await page.evaluate(async (path) => {
  const { subscribe } = await import('/goldcrest.js');
  subscribe(path, {
    after: 'oldest',
    onEvent: ({ id, data }) => print({ by: 'goldcrest.js', id, data }),
    onGap: ({ after, missed }) => print({ by: 'goldcrest.js', id: after, gap: { missed } }),
  });
  const source = new EventSource(`${path}?after=oldest`);
  source.onmessage = ({ lastEventId, data }) => print({ by: 'EventSource', id: lastEventId, data });
  source.addEventListener('gap', ({ lastEventId, data }) => print({ by: 'EventSource', id: lastEventId, gap: JSON.parse(data) }));
}, `/events/${channel}`);
print({ open: true });
