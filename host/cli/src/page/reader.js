// One transport's place in the log, and everything that is counted about it.

const SAMPLES = 400;
const SPAN_OF_TRACE = 70_000;

/** Milliseconds on the one clock that publishing and displaying share. */
export const now = () => performance.timeOrigin + performance.now();

const parse = (id) => {
  const cut = id.lastIndexOf('-');
  return { epoch: id.slice(0, cut), seq: Number(id.slice(cut + 1)) };
};

export class Reader {
  /** The id after which to go on: what every request of this transport asks for. */
  cursor = '';
  /** waiting · opening · open · broken */
  state = 'waiting';
  /** Events that were published before this moment, by `now()`, were caught up. */
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

  /** Forgets what was counted; keeps the place in the log. */
  reset() {
    Object.assign(this, { events: 0, caughtUp: 0, repeated: 0, gaps: 0, missed: 0, breaks: 0, resumes: 0, last: null });
    this.holes = new Set();
    this.latencies = [];
    this.trace = { spans: this.trace?.spans.filter((span) => !span.to) ?? [], arrivals: [], samples: [], cuts: [] };
  }

  /** How many numbers were jumped over without a gap being told. */
  get lost() {
    return this.holes.size;
  }

  /** How many requests or connections are under way. */
  get open() {
    return this.trace.spans.filter((span) => !span.to).length;
  }

  get seq() {
    return parse(this.cursor).seq;
  }

  /** An event arrived: `{ id, type, data }`. */
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
      this.holes.add(event.id); // another log, and no gap was told
    }
    this.cursor = event.id;
    this.events += 1;

    let sample = null;
    if (event.type === 'sample') {
      try {
        sample = JSON.parse(event.data);
      } catch { /* somebody else's event of this type */ }
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

  /** The server told that events are missing; reading goes on after `after`. */
  gap({ missed }, after) {
    this.gaps += 1;
    this.missed += missed ?? 0;
    this.cursor = after;
  }

  /** A request or a connection begins; returns what ends it on the chart. */
  begin() {
    if (this.state !== 'broken') this.state = 'opening';
    const span = { from: now(), to: 0 };
    this.trace.spans.push(span);
    return () => (span.to ||= now());
  }

  /** The server answered. Followers are live from here; a long poll says itself since when. */
  opened(liveFrom = now()) {
    this.liveFrom = liveFrom;
    if (this.state === 'broken') {
      this.resumes += 1;
      this.onResumed({ after: now() - this.#brokeAt, before: this.#before });
    }
    this.state = 'open';
  }

  /** The connection broke, while it was this transport's turn. */
  broke() {
    if (this.state === 'broken') return;
    this.state = 'broken';
    this.liveFrom = Infinity;
    this.breaks += 1;
    this.#brokeAt = now();
    this.#before = { cursor: this.cursor, caughtUp: this.caughtUp, lost: this.lost, repeated: this.repeated };
    this.trace.cuts.push({ at: this.#brokeAt });
  }

  /** Its turn is over. */
  rest() {
    this.state = 'waiting';
    this.liveFrom = Infinity;
  }

  /** Drops what the chart no longer shows. */
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
