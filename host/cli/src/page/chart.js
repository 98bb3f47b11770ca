// The chart: above, the latency of each event at the time of its publication; below, open connections and received events.

import { now } from './reader.js';

/** Each transport has its own marker, so that the colour is not needed: circle, square, triangle, diamond, cross. */
export const MARKERS = {
  poll: 'M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z',
  longpoll: 'M-3.6 -3.6H3.6V3.6H-3.6Z',
  stream: 'M0 -4.600L4.600 3.600H-4.600Z',
  sse: 'M0 -5L5 0L0 5L-5 0Z',
  websocket: 'M-1.500 -5H1.500V-1.500H5V1.500H1.500V5H-1.500V1.500H-5V-1.500H-1.500Z',
};
const DASHES = { poll: [], longpoll: [7, 3], stream: [2, 3], sse: [9, 3, 2, 3], websocket: [4, 2] };
const LEAST = 0.3;
const MOST = 20_000;
const TICKS = [[1, '1 ms'], [10, '10 ms'], [100, '0.1 s'], [1000, '1 s'], [10_000, '10 s']];
const LANE = 30;
const FRAME = 1000 / 30;

export class Chart {
  constructor(canvas, readers) {
    this.canvas = canvas;
    this.pen = canvas.getContext('2d');
    this.readers = readers;
    this.paths = Object.fromEntries(Object.entries(MARKERS).map(([name, path]) => [name, new Path2D(path)]));
    this.calm = matchMedia('(prefers-reduced-motion: reduce)');
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', () => this.#dress());
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.#dress();
    this.#fit();
    let drawn = 0;
    const frame = (time) => {
      // With reduced motion the picture changes once a second.
      if (time - drawn >= (this.calm.matches ? 1000 : FRAME) - 2) {
        drawn = time;
        this.draw();
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #dress() {
    const style = getComputedStyle(document.documentElement);
    const tint = (name) => style.getPropertyValue(`--${name}`).trim();
    this.ink = tint('ink');
    this.soft = tint('soft');
    this.rule = tint('rule');
    this.paper = tint('paper');
    this.tints = Object.fromEntries(Object.keys(MARKERS).map((name) => [name, tint(name)]));
    this.font = getComputedStyle(this.canvas).fontFamily;
  }

  #fit() {
    const { clientWidth, clientHeight } = this.canvas;
    const scale = Math.min(devicePixelRatio || 1, 3);
    this.canvas.width = Math.round(clientWidth * scale);
    this.canvas.height = Math.round(clientHeight * scale);
    this.scale = scale;
    this.width = clientWidth;
    this.height = clientHeight;
    this.narrow = clientWidth < 620;
    this.left = this.narrow ? 48 : 112;
    this.span = this.narrow ? 20_000 : 60_000;
    this.lanes = this.height - this.readers.size * LANE - 20; // where the upper part ends
    this.draw();
  }

  draw() {
    const { pen, width, left } = this;
    if (!width) return;
    this.time = now();
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.clearRect(0, 0, width, this.height);
    this.#grid();
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, width - left, this.height);
    pen.clip();
    let number = 0;
    for (const [name, reader] of this.readers) {
      reader.prune();
      this.#latency(name, reader.trace.samples);
      this.#lane(name, reader, this.lanes + LANE * (number + 0.5));
      number += 1;
    }
    pen.restore();
  }

  #x(at) {
    return this.width - 8 - ((this.time - at) / this.span) * (this.width - 8 - this.left);
  }

  #y(latency) {
    const part = Math.log(Math.min(Math.max(latency, LEAST), MOST) / LEAST) / Math.log(MOST / LEAST);
    return this.lanes - 14 - part * (this.lanes - 24);
  }

  #grid() {
    const { pen, left, width } = this;
    pen.font = `12px ${this.font}`;
    pen.lineWidth = 1;
    pen.textBaseline = 'middle';
    const rule = (y) => {
      pen.beginPath();
      pen.moveTo(left, Math.round(y) + 0.5);
      pen.lineTo(width, Math.round(y) + 0.5);
      pen.stroke();
    };
    pen.strokeStyle = this.rule;
    pen.fillStyle = this.soft;
    pen.textAlign = 'right';
    for (const [latency, text] of TICKS) {
      rule(this.#y(latency));
      pen.fillText(text, left - 8, this.#y(latency));
    }
    let number = 0;
    for (const [name, reader] of this.readers) {
      const y = this.lanes + LANE * (number + 0.5);
      rule(y);
      pen.fillStyle = this.tints[name];
      if (this.narrow) {
        this.#mark(name, left - 14, y);
      } else {
        this.#mark(name, 6, y);
        pen.textAlign = 'left';
        pen.fillStyle = this.ink;
        pen.fillText(reader.label, 18, y);
      }
      number += 1;
    }
    pen.fillStyle = this.soft;
    const y = this.height - 7;
    const step = this.narrow ? 5 : 10;
    for (let ago = 0; ago < this.span / 1000; ago += step) {
      pen.textAlign = ago ? 'center' : 'right';
      pen.fillText(ago ? `−${ago} s` : 'now', ago ? this.#x(this.time - ago * 1000) : width - 2, y);
    }
  }

  #mark(name, x, y) {
    this.pen.translate(x, y);
    this.pen.fill(this.paths[name]);
    this.pen.translate(-x, -y);
  }

  #latency(name, samples) {
    const { pen } = this;
    pen.strokeStyle = pen.fillStyle = this.tints[name];
    pen.lineWidth = 1.25;
    pen.globalAlpha = 0.55;
    pen.setLineDash(DASHES[name]);
    pen.beginPath();
    let previous = -Infinity;
    for (const { at, latency } of samples) {
      // A line joins the events of one turn only.
      if (at - previous > 2500) pen.moveTo(this.#x(at), this.#y(latency));
      else pen.lineTo(this.#x(at), this.#y(latency));
      previous = at;
    }
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
    let last = -Infinity;
    for (const { at, latency } of samples) {
      const x = this.#x(at);
      if (x - last < 7) continue;
      this.#mark(name, x, this.#y(latency));
      last = x;
    }
  }

  #lane(name, { trace: { spans, arrivals, cuts } }, y) {
    const { pen } = this;
    pen.fillStyle = pen.strokeStyle = this.tints[name];
    pen.globalAlpha = 0.26;
    for (const { from, to } of spans) {
      const x = this.#x(from);
      pen.beginPath();
      pen.roundRect(x, y - 8, Math.max(2, this.#x(to || this.time) - x - 1), 16, 2);
      pen.fill();
    }
    pen.globalAlpha = 1;
    // Events that arrived together are one mark, whose size grows with their number.
    let group = null;
    const flush = () => {
      if (!group) return;
      const { at, live, count } = group;
      const radius = Math.min(2.1 + Math.sqrt(count - 1) * 0.85, 7);
      pen.beginPath();
      pen.arc(this.#x(at), y, live ? radius : radius + 0.5, 0, 2 * Math.PI);
      if (live) pen.fill();
      else {
        pen.fillStyle = this.paper;
        pen.fill();
        pen.lineWidth = 1.75;
        pen.stroke();
        pen.fillStyle = this.tints[name];
      }
    };
    for (const { at, live } of arrivals) {
      if (group && group.live === live && at - group.at < 60) group.count += 1;
      else {
        flush();
        group = { at, live, count: 1 };
      }
    }
    flush();
    pen.strokeStyle = this.ink;
    pen.lineWidth = 2;
    for (const { at } of cuts) {
      const x = this.#x(at);
      pen.beginPath();
      pen.moveTo(x - 5, y - 5);
      pen.lineTo(x + 5, y + 5);
      pen.moveTo(x + 5, y - 5);
      pen.lineTo(x - 5, y + 5);
      pen.stroke();
    }
  }
}
