// A tab of Chromium, of a hub's own origin, that reads a channel in two ways at once: by goldcrest.js, and by the browser's own
// EventSource. Both begin with the oldest event and come back by themselves; nothing reloads the page.
//
//   node tests/suites/bridge/tab.mjs http://127.0.0.1:8090/ CHANNEL
//
// Each line that it says is JSON: {"open":true} once, then {"by","id","data"} for an event and {"by","id","gap"} for a gap. It ends
// with its standard input.

import { openChromium } from '../browser/chromium.mjs';

const [origin, channel] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const opening = openChromium();
process.stdin.resume().on('end', async () => {
  await opening.then((context) => context.close());
  process.exit();
});

const [page] = (await opening).pages();
page.on('crash', () => process.exit(1));
page.on('pageerror', (error) => console.error(`tab: ${error}`));
await page.exposeFunction('say', say);
// A page with nothing in it: the answer to a poll.
await page.goto(`${origin}events/blank`);
await page.evaluate(async (path) => {
  const { subscribe } = await import('/goldcrest.js');
  subscribe(path, {
    after: 'oldest',
    onEvent: ({ id, data }) => say({ by: 'goldcrest.js', id, data }),
    onGap: ({ after, missed }) => say({ by: 'goldcrest.js', id: after, gap: { missed } }),
  });
  const source = new EventSource(`${path}?after=oldest`);
  source.onmessage = ({ lastEventId, data }) => say({ by: 'EventSource', id: lastEventId, data });
  source.addEventListener('gap', ({ lastEventId, data }) => say({ by: 'EventSource', id: lastEventId, gap: JSON.parse(data) }));
}, `/events/${channel}`);
say({ open: true });
