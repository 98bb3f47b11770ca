// The five transports side by side: publishes, subscribes over each of them, and shows their costs.

import { base } from './base.js';
import { Chart, MARKERS } from './chart.js';
import { Lane, connections, pause } from './connections.js';
import { Reader, now } from './reader.js';
import { Shared } from './shared.js';
import { listen, newest } from './transports.js';
import { Turns } from './turns.js';

const LABELS = { poll: 'Polling', longpoll: 'Long polling', stream: 'Streaming', sse: 'SSE', websocket: 'WebSocket' };
const FIGURES = ['requests', 'header_bytes_received', 'header_bytes_sent', 'payload_bytes'];
const page = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
const settings = { rate: 2, interval: 3, wait: 25 };
const readers = new Map(Object.entries(LABELS).map(([name, label]) => [name, new Reader(name, label, page)]));
const lane = new Lane();
const turns = new Turns(new Map(['websocket', 'sse', 'longpoll', 'stream'].map((name) => [name, readers.get(name)])), settings);
const byId = (id) => document.getElementById(id);
const shared = new Shared(byId('shared'));

let published = 0;
let figures = {}; // the server's counters, by transport
const zero = {}; // subtracted from them: set by Reset, and after a restart of the server

// ---- publishing

let number = 0;

async function publish() {
  await lane.run(async () => {
    const body = JSON.stringify({ n: (number += 1), at: now(), page });
    const response = await fetch(`${base}events/demo?type=sample&page=${page}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    if (!response.ok) throw new Error(`the server responded with status ${response.status}`);
    await response.arrayBuffer();
    published += 1;
  }).catch((error) => say(`The event was not published: ${error.message}.`));
}

let ticking;

function setRate(rate) {
  settings.rate = rate;
  clearTimeout(ticking);
  if (!rate || document.hidden) return;
  // With jitter: a poll in step with the events would always have the same latency.
  ticking = setTimeout(() => {
    setRate(rate);
    if (lane.waiting < 3) publish(); // on a slow connection events are skipped, not queued
  }, (1000 / rate) * (0.7 + Math.random() * 0.6));
}

// ---- polling and the counters: short requests at intervals

let polls;

/** Starts polling with the current interval. */
function pollNow() {
  polls?.close();
  polls = listen(readers.get('poll'), settings, (request) => lane.run(request));
}

async function count() {
  const body = await lane.run(async () => {
    const response = await fetch(`${base}page/figures?page=${page}`, { cache: 'no-store' });
    return response.ok ? response.json() : null;
  }).catch(() => null);
  for (const [name, counted] of Object.entries(body?.transports ?? {})) {
    const before = figures[name];
    if (before && counted.requests < before.requests) {
      // The server was restarted: continue from the displayed values.
      zero[name] = Object.fromEntries(FIGURES.map((key) => [key, (zero[name]?.[key] ?? 0) - before[key]]));
    }
    figures[name] = counted;
  }
}

/** The server's counters for `name` since the last reset. */
function counted(name) {
  return Object.fromEntries(FIGURES.map((key) => [key, (figures[name]?.[key] ?? 0) - (zero[name]?.[key] ?? 0)]));
}

async function keepCounting() {
  for (;;) {
    if (!document.hidden) await count();
    await pause(1000);
  }
}

// ---- cutting

async function cut(name) {
  const reader = readers.get(name);
  if (name !== 'poll') {
    await turns.rotate(name);
    for (let tries = 0; tries < 100 && !reader.open; tries += 1) await pause(50);
  }
  const breaks = reader.breaks;
  for (let tries = 0; tries < (name === 'poll' ? 1 : 20); tries += 1) {
    const done = await lane.run(() => fetch(`${base}page/cut?page=${page}&transport=${name}`, { method: 'POST' }))
      .then((response) => response.status === 204, () => false);
    if (done || reader.breaks > breaks) {
      say(`${reader.label}: disconnected by the server.`);
      // A browser repeats a request by itself if a reused connection is closed (RFC 9110 §9.2.2): the script sees no error.
      if (reader.breaks === breaks && name === 'longpoll') reader.broke();
      return;
    }
    await pause(100);
  }
  say(name === 'poll'
    ? 'Polling holds no connection between two requests: there is nothing to disconnect.'
    : `${reader.label}: no connection is open.`);
}

async function reportResumed(reader, { after, before }) {
  await pause(400); // until the missed events have arrived
  const caught = reader.caughtUp - before.caughtUp;
  const wrong = reader.lost - before.lost + reader.repeated - before.repeated;
  say(`${reader.label}: reconnected after ${time(after)}${caught ? `, ${caught} missed ${caught === 1 ? 'event' : 'events'} received` : ''}. ${
    wrong ? `${reader.lost - before.lost} lost, ${reader.repeated - before.repeated} repeated.` : 'None lost, none repeated.'}`);
}

function say(text) {
  write(byId('said'), text);
}

// ---- the table

const rows = new Map();

function buildRows() {
  for (const [name, reader] of readers) {
    const row = byId('row').content.cloneNode(true).firstElementChild;
    row.dataset.transport = name;
    row.querySelector('path').setAttribute('d', MARKERS[name]);
    row.querySelector('.name span').textContent = reader.label;
    const [cutButton, pin] = row.querySelectorAll('button');
    cutButton.setAttribute('aria-label', `Disconnect ${reader.label}`);
    cutButton.addEventListener('click', () => cut(name));
    if (turns.readers.has(name)) {
      pin.setAttribute('aria-label', `Keep ${reader.label} connected`);
      pin.addEventListener('click', () => (turns.pin(name), render()));
    } else {
      pin.remove();
    }
    byId('rows').append(row);
    rows.set(name, { row, pin, state: row.querySelector('.state'), cells: [...row.cells].slice(1) });
    reader.onResumed = (how) => reportResumed(reader, how);
  }
}

const time = (ms) => ms == null ? '–' : ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
const bytes = (n) => n < 10_000 ? `${Math.round(n).toLocaleString('en')} B` : n < 1e6 ? `${(n / 1000).toFixed(1)} kB` : `${(n / 1e6).toFixed(2)} MB`;

function write(node, text) {
  if (node && node.textContent !== String(text)) node.textContent = text;
}

/** Lines break between the parts of `small`, not within them. */
function fill(cell, main, ...small) {
  write(cell.querySelector('b'), main);
  if (small.length) write(cell.querySelector('small'), small.map((part) => part.replaceAll(' ', '\u00a0')).join(' · '));
}

function stateOf(name, reader, behind) {
  if (document.hidden) return 'closed while the tab is hidden';
  if (reader.state === 'broken') return 'disconnected, reconnecting';
  if (name === 'poll') return `polls every ${settings.interval} s`;
  if (!turns.held.has(name)) return behind > 0 ? `waits, ${behind} events behind` : 'waits for its turn';
  return reader.state === 'open' || name === 'longpoll' ? 'connected' : 'connecting';
}

const headers = (figure) => figure.header_bytes_received + figure.header_bytes_sent;

function render() {
  const costs = new Map([...readers].map(([name, reader]) => [name, reader.events ? headers(counted(name)) / reader.events : 0]));
  const most = Math.max(...costs.values(), 1);
  const furthest = Math.max(...[...readers.values()].map((reader) => reader.seq || 0));
  for (const [name, reader] of readers) {
    const { row, pin, state, cells: [events, latency, requests, open, header, payload, each] } = rows.get(name);
    const figure = counted(name);
    row.dataset.state = reader.state;
    row.classList.toggle('wrong', reader.lost + reader.repeated > 0);
    write(state, stateOf(name, reader, furthest - reader.seq));
    pin.setAttribute('aria-pressed', turns.pinned.includes(name));
    fill(events, reader.events.toLocaleString('en'),
      `${reader.lost} lost`, `${reader.repeated} repeated`, ...(reader.gaps ? [`${reader.gaps} ${reader.gaps === 1 ? 'gap' : 'gaps'}`, `${reader.missed} missed`] : []));
    fill(latency, time(reader.quantile(0.5)), `p95 ${time(reader.quantile(0.95))}`, `last ${time(reader.last)}`);
    fill(requests, figure.requests.toLocaleString('en'));
    fill(open, reader.open);
    fill(header, bytes(headers(figure)), `↑ ${bytes(figure.header_bytes_received)}`, `↓ ${bytes(figure.header_bytes_sent)}`);
    fill(payload, bytes(figure.payload_bytes));
    fill(each, reader.events ? bytes(costs.get(name)) : '–');
    each.querySelector('.weight i').style.width = `${(costs.get(name) / most) * 100}%`;
  }
  const figure = counted('publish');
  const [events, , requests, , header, payload, each] = [...byId('publishing').cells].slice(1);
  fill(events, published.toLocaleString('en'));
  fill(requests, figure.requests.toLocaleString('en'));
  fill(header, bytes(headers(figure)), `↑ ${bytes(figure.header_bytes_received)}`, `↓ ${bytes(figure.header_bytes_sent)}`);
  fill(payload, bytes(figure.payload_bytes));
  fill(each, published ? bytes(headers(figure) / published) : '–');

  shared.render();

  const held = turns.held.size + 1; // the connection for short requests is kept alive between them
  write(byId('used'), document.hidden ? 0 : held);
  [...byId('six').querySelectorAll('.pips i')].forEach((pip, at) => pip.classList.toggle('on', at < held && !document.hidden));
}

function reset() {
  readers.forEach((reader) => reader.reset());
  published = 0;
  for (const [name, figure] of Object.entries(figures)) zero[name] = { ...figure };
  say('Counters reset; all cursors are unchanged.');
  render();
}

// ---- start, and visibility of the tab

function wake() {
  turns.wake();
  shared.wake();
  pollNow();
  setRate(settings.rate);
}

function sleep() {
  polls?.close();
  clearTimeout(ticking);
  readers.get('poll').rest();
  turns.sleep();
  shared.sleep();
}

function bindControls() {
  byId('controls').addEventListener('submit', (event) => event.preventDefault());
  byId('publish').addEventListener('click', publish);
  byId('reset').addEventListener('click', reset);
  for (const radio of document.getElementsByName('rate')) {
    radio.addEventListener('change', () => setRate(Number(radio.value)));
  }
  for (const key of ['interval', 'wait']) {
    byId(key).addEventListener('change', ({ target }) => {
      if (!target.checkValidity()) return target.reportValidity();
      settings[key] = target.valueAsNumber;
      if (key === 'interval' && !document.hidden) pollNow();
    });
  }
  document.addEventListener('visibilitychange', () => (document.hidden ? sleep() : wake()));
}

window.goldcrestPage = {
  /** All counters, as JSON. */
  state: () => ({
    page,
    published,
    connections: { used: connections.used, peak: connections.peak },
    hidden: document.hidden,
    shared: shared.state(),
    transports: Object.fromEntries([...readers].map(([name, reader]) => {
      const { state, cursor, events, caughtUp, lost, repeated, gaps, missed, breaks, resumes, open, last } = reader;
      const latency = { median: reader.quantile(0.5), p95: reader.quantile(0.95), last, samples: reader.latencies.length };
      return [name, { state, cursor, events, caughtUp, lost, repeated, gaps, missed, breaks, resumes, open, latency, figures: counted(name) }];
    })),
  }),
};

async function begin() {
  buildRows();
  bindControls();
  document.querySelectorAll('.base').forEach((node) => (node.textContent = base));
  new Chart(byId('chart'), readers);
  for (let cursor; !cursor;) {
    try {
      cursor = await lane.run(() => newest(page));
      readers.forEach((reader) => (reader.cursor = cursor));
    } catch (error) {
      say(`Waiting for the server: ${error.message}.`);
      await pause(2000);
    }
  }
  if (!document.hidden) wake();
  render();
  setInterval(() => document.hidden || render(), 250);
  keepCounting();
}

begin();
