// The cursor and the counters of one transport.

const SAMPLES = 400;
const SPAN_OF_TRACE = 70_000;

/** The time in ms, by one clock for publications and arrivals. */
export const now = () => performance.timeOrigin + performance.now();

const parse = (id) => {
  const cut = id.lastIndexOf('-');
  return { epoch: id.slice(0, cut), seq: Number(id.slice(cut + 1)) };
};

export class Reader {
  /** The id of the last event: each request of this transport continues after it. */
  cursor = '';
  /** waiting · opening · open · broken */
  state = 'waiting';
  /** Events published before this time, by `now()`, count as missed and received later: they have no latency. */
  liveFrom = Infinity;
  onResumed = () => {};
  #brokeAt = 0;
  #before = null;

  constructor(name, label, page) {
    this.name = name;
    this.label = label;
    this.page = page;
    this.reset();
  }

  /** Resets the counters; keeps the cursor. */
  reset() {
    Object.assign(this, { events: 0, caughtUp: 0, repeated: 0, gaps: 0, missed: 0, breaks: 0, resumes: 0, last: null });
    this.holes = new Set();
    this.latencies = [];
    this.trace = { spans: this.trace?.spans.filter((span) => !span.to) ?? [], arrivals: [], samples: [], cuts: [] };
  }

  /** The number of skipped sequence numbers without a reported gap. */
  get lost() {
    return this.holes.size;
  }

  /** The number of open requests or connections. */
  get open() {
    return this.trace.spans.filter((span) => !span.to).length;
  }

  get seq() {
    return parse(this.cursor).seq;
  }

  /** Counts an event: `{ id, type, data }`. */
  receive(event) {
    const at = now();
    const was = parse(this.cursor);
    const { epoch, seq } = parse(event.id);
    if (epoch === was.epoch) {
      if (seq <= was.seq) {
        this.repeated += 1;
        return;
      }
      for (let hole = Math.max(was.seq + 1, seq - 1000); hole < seq; hole += 1) this.holes.add(hole);
    } else {
      this.holes.add(event.id); // another epoch without a reported gap
    }
    this.cursor = event.id;
    this.events += 1;

    let sample = null;
    if (event.type === 'sample') {
      try {
        sample = JSON.parse(event.data);
      } catch { /* an event of this type by another publisher */ }
    }
    const ours = sample?.page === this.page && typeof sample.at === 'number';
    const live = ours ? sample.at >= this.liveFrom : at - this.liveFrom > 500;
    if (!live) this.caughtUp += 1;
    this.trace.arrivals.push({ at, live });
    if (!ours || !live) return;
    this.last = at - sample.at;
    this.latencies.push(this.last);
    if (this.latencies.length > SAMPLES) this.latencies.shift();
    this.trace.samples.push({ at: sample.at, latency: this.last });
  }

  /** Counts a gap that the server reported; `after` is the new cursor. */
  gap({ missed }, after) {
    this.gaps += 1;
    this.missed += missed ?? 0;
    this.cursor = after;
  }

  /** Begins a request or a connection; returns a function that ends it on the chart. */
  begin() {
    if (this.state !== 'broken') this.state = 'opening';
    const span = { from: now(), to: 0 };
    this.trace.spans.push(span);
    return () => (span.to ||= now());
  }

  /** The server responded: later events count as live. A long poll passes another time. */
  opened(liveFrom = now()) {
    this.liveFrom = liveFrom;
    if (this.state === 'broken') {
      this.resumes += 1;
      this.onResumed({ after: now() - this.#brokeAt, before: this.#before });
    }
    this.state = 'open';
  }

  /** The connection ended during this transport's turn. */
  broke() {
    if (this.state === 'broken') return;
    this.state = 'broken';
    this.liveFrom = Infinity;
    this.breaks += 1;
    this.#brokeAt = now();
    this.#before = { cursor: this.cursor, caughtUp: this.caughtUp, lost: this.lost, repeated: this.repeated };
    this.trace.cuts.push({ at: this.#brokeAt });
  }

  /** Ends this transport's turn. */
  rest() {
    this.state = 'waiting';
    this.liveFrom = Infinity;
  }

  /** Drops entries older than the chart. */
  prune() {
    const old = now() - SPAN_OF_TRACE;
    const { spans, arrivals, samples, cuts } = this.trace;
    while (spans.length && spans[0].to && spans[0].to < old) spans.shift();
    for (const list of [arrivals, samples, cuts]) while (list.length && list[0].at < old) list.shift();
  }

  /** A quantile of the last live latencies in milliseconds, or null. */
  quantile(q) {
    const sorted = this.latencies.toSorted((a, b) => a - b);
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : null;
  }
}
