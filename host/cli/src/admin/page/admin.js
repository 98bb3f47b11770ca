// The page of the admin listener: the sums of /summary each second, and the channels of /channels each two seconds.

const MINUTES = 2;
const SAMPLES = MINUTES * 60;
const PAGE = 50;

const element = (id) => document.getElementById(id);
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const bytes = (count) => {
  if (count === null) return 'unknown';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  return `${number.format(count / 1024 ** power)} ${units[power]}`;
};
const seconds = (time) => (time < 1 ? `${number.format(time * 1000)} ms` : `${number.format(time)} s`);

/** The last summary with the time at which it came, and the rates of the last minutes. */
let last = null;
const rates = [];
let limit = PAGE;

const tiles = new Map();
/** Shows a figure under its name; an unchanged one is left alone, so that a selection stays. */
function show(name, text) {
  let value = tiles.get(name);
  if (!value) {
    const [tile, term] = [document.createElement('div'), document.createElement('dt')];
    value = document.createElement('dd');
    term.textContent = name;
    tile.append(term, value);
    element('tiles').append(tile);
    tiles.set(name, value);
  }
  if (value.textContent !== text) value.textContent = text;
}

function status(text, wrong) {
  const line = element('status');
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle('wrong', wrong);
}

async function request(path, options) {
  const response = await fetch(path, { cache: 'no-store', ...options });
  if (!response.ok) {
    const type = response.headers.get('content-type') ?? '';
    const reason = type.includes('json') ? (await response.json()).detail : (await response.text()).trim();
    throw new Error(`${response.status}: ${reason}`);
  }
  return response.status === 204 ? null : response.json();
}

async function summary() {
  const sums = await request('summary');
  const now = performance.now();
  const time = last ? (now - last.now) / 1000 : 0;
  // Counters that have fallen are those of another start of the server.
  const rate = (count) => (time > 0 ? Math.max(0, count(sums) - count(last.sums)) / time : 0);
  const published = rate((of) => of.published);
  const delivered = rate((of) => of.delivered);
  const measured = last ? sums.latency.count - last.sums.latency.count : 0;
  const latency = measured > 0 ? (sums.latency.seconds - last.sums.latency.seconds) / measured : null;
  element('version').textContent = sums.version;
  status(sums.status.replace('_', ' '), sums.status !== 'ready');
  show('connections', number.format(sums.connections));
  show('requests a second', number.format(rate((of) => of.requests)));
  show('errors a second', number.format(rate((of) => of.errors)));
  for (const name of ['websocket', 'sse', 'stream', 'longpoll']) show(`${name} readers`, number.format(sums.readers[name]));
  show('published a second', number.format(published));
  show('delivered a second', number.format(delivered));
  if (latency !== null) show('publish to write', seconds(latency));
  else if (!tiles.has('publish to write')) show('publish to write', '–');
  show('readers behind', number.format(sums.behind));
  show('greatest lag', `${number.format(sums.max_lag)} events`);
  show('gaps', number.format(sums.gaps));
  show('channels', number.format(sums.channels));
  show('events in logs', `${number.format(sums.log.events)} (${bytes(sums.log.bytes)})`);
  show('reserved memory', `${bytes(sums.memory.reserved)} of ${bytes(sums.memory.limit)}`);
  show('resident memory', bytes(sums.memory.resident));
  if (last) rates.push({ published, delivered });
  if (rates.length > SAMPLES) rates.shift();
  last = { sums, now };
  draw();
}

function draw() {
  const peak = Math.max(1, ...rates.flatMap((rate) => [rate.published, rate.delivered]));
  element('peak').textContent = number.format(rates.length ? peak : 0);
  for (const name of ['published', 'delivered']) {
    const point = (rate, index) => `${((SAMPLES - rates.length + index) / (SAMPLES - 1)) * 600},${116 - (rate[name] / peak) * 110}`;
    element(name).setAttribute('points', rates.map(point).join(' '));
  }
}

const rows = new Map();
/** The row of a channel. It is made once, so that the focus on its button stays. */
function row(name) {
  const known = rows.get(name);
  if (known) return known;
  const made = document.createElement('tr');
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = name;
  const cells = Array.from({ length: 5 }, () => document.createElement('td'));
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Delete';
  button.setAttribute('aria-label', `Delete the events of ${name}`);
  button.addEventListener('click', () => remove(name));
  const change = document.createElement('td');
  change.append(button);
  made.append(head, ...cells, change);
  const entry = { made, cells };
  rows.set(name, entry);
  return entry;
}

async function channels() {
  const prefix = element('prefix').value;
  const list = await request(`channels?limit=${limit}&prefix=${encodeURIComponent(prefix)}`);
  // The answer to an earlier prefix is not shown.
  if (prefix !== element('prefix').value) return;
  const names = new Set(list.channels.map((channel) => channel.name));
  for (const [name, entry] of rows) {
    if (names.has(name)) continue;
    entry.made.remove();
    rows.delete(name);
  }
  const body = element('channels');
  list.channels.forEach((channel, index) => {
    const { made, cells } = row(channel.name);
    const readers = Object.entries(channel.readers).filter(([, count]) => count > 0);
    const texts = [
      readers.map(([transport, count]) => `${number.format(count)} ${transport}`).join(', ') || '0',
      number.format(channel.events),
      bytes(channel.bytes),
      channel.id ?? '–',
      channel.idle === null ? '–' : `${number.format(channel.idle)} s`,
    ];
    texts.forEach((text, cell) => {
      if (cells[cell].textContent !== text) cells[cell].textContent = text;
    });
    if (body.children[index] !== made) body.insertBefore(made, body.children[index] ?? null);
  });
  element('none').hidden = list.channels.length > 0;
  element('more').hidden = list.next === null || limit >= 1000;
}

const say = (text) => { element('said').textContent = text; };

async function remove(name) {
  if (!confirm(`Delete all events of the channel ${name}?`)) return;
  try {
    await request(`channels/${encodeURIComponent(name)}`, { method: 'DELETE' });
    say(`The events of ${name} are deleted.`);
    await channels();
  } catch (error) {
    say(`The channel ${name} was not deleted: ${error.message}`);
  }
}

element('withdraw').addEventListener('submit', async (event) => {
  event.preventDefault();
  const identity = element('identity').value;
  try {
    const { withdrawn } = await request(`identities/${encodeURIComponent(identity)}/withdraw`, { method: 'POST' });
    say(`${number.format(withdrawn)} streams of ${identity} have ended.`);
  } catch (error) {
    say(`The streams of ${identity} go on: ${error.message}`);
  }
});
element('filter').addEventListener('submit', (event) => event.preventDefault());
element('prefix').addEventListener('input', () => {
  limit = PAGE;
  channels().catch(() => {});
});
element('more').addEventListener('click', () => {
  limit = Math.min(1000, limit * 4);
  channels().catch(() => {});
});

/** Calls `read` again and again while the page is visible. */
async function repeat(read, interval) {
  for (;;) {
    if (!document.hidden) {
      try {
        await read();
      } catch (error) {
        status(error instanceof TypeError ? 'the server does not answer' : error.message, true);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
repeat(summary, 1000);
repeat(channels, 2000);
