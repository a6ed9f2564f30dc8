// What is known of the scores in a span of time, bucket by bucket.

const COLUMNS = ["count", "alerts", "low", "typical", "high", "threshold"];

export class Buckets {
  #all = new Map();

  constructor(span) {
    this.span = span;
    this.width = 1;
    this.now = 0;
    this.shown = []; // as they are drawn: with a bucket without events where the line is interrupted
  }

  // Takes what is new, and lets go of what has left the span.
  add({ now, history }) {
    this.now = now;
    this.width = history.width;
    history.start.forEach((start, i) => {
      const bucket = { start, strangest: history.strangest[i] };
      for (const name of COLUMNS) bucket[name] = history[name][i];
      this.#all.set(start, bucket);
    });
    for (const start of this.#all.keys()) {
      if (start + this.width >= now - this.span) break;
      this.#all.delete(start);
    }
    this.shown = [...this.#withGaps()];
  }

  // Where a twentieth of the span has nothing, the line is interrupted.
  *#withGaps() {
    const most = Math.max(1.5 * this.width, this.span / 20);
    let before = null;
    for (const bucket of this.#all.values()) {
      if (before && bucket.start - before.start > most) yield { start: before.start + this.width };
      yield bucket;
      before = bucket;
    }
  }

  middle(bucket) {
    return bucket.start + this.width / 2;
  }

  // For the chart: times, highest, lowest, typical, threshold, alerts.
  columns() {
    const of = (name) => this.shown.map((one) => one[name] ?? null);
    const alerts = this.shown.map((one) => (one.alerts ? one.high : null));
    const times = this.shown.map((one) => this.middle(one));
    return [times, of("high"), of("low"), of("typical"), of("threshold"), alerts];
  }

  // Whether alerts would squeeze everything else together; not back and forth with every one.
  wantLog(already) {
    const highs = [...this.#all.values()].map(({ high }) => high ?? 0).sort((a, b) => a - b);
    const usual = Math.max(10, highs[highs.length >> 1] ?? 0);
    return highs.at(-1) > (already ? 4 : 6) * usual;
  }

  // From where to where the axis goes.
  range(log) {
    let low = Infinity;
    let high = -Infinity;
    for (const one of this.#all.values()) {
      low = Math.min(low, one.low ?? low);
      high = Math.max(high, one.high ?? high);
    }
    if (!(low < high)) return [0, 10];
    // A threshold far above all scores leaves the picture: it is in the tip.
    const scores = high;
    for (const { threshold } of this.#all.values()) {
      if (threshold < 2 * scores) high = Math.max(high, threshold);
    }
    const room = 0.06 * (high - low);
    return log ? [Math.min(low, 0), high * 1.6] : [low - room, high + room];
  }
}
