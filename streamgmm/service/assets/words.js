// Numbers, quantities and times as a person reads them.

// How far a component counts as normal.
export const STANDING = {
  normal: "normal",
  partly: "partly normal",
  rare: "not established",
  accepted: "accepted",
};

const PREFIXED = new Set(["B", "B/s", "bit", "bit/s", "Hz", "W", "Wh"]);
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];
const SECONDS = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400 };

export function number(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(digits - 1);
  if (size >= 10 ** (digits - 1)) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 12 });
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

// A number as short as a tick of an axis has to be.
export const short = (value) => (Math.abs(value) >= 10_000 ? compact.format(value) : number(value));

export function quantity(value, unit = "", digits = 3) {
  if (!unit || !Number.isFinite(value)) return number(value, digits);
  if (PREFIXED.has(unit)) {
    const size = Math.abs(value);
    const step = size < 1000 ? 0 : Math.min(Math.floor(Math.log10(size) / 3), PREFIXES.length - 1);
    return `${number(value / 1000 ** step, digits)} ${PREFIXES[step]}${unit}`;
  }
  if (unit in SECONDS) return duration(value * SECONDS[unit], digits);
  return `${number(value, digits)} ${unit}`;
}

export function duration(seconds, digits = 2) {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "-" : "";
  if (size === 0) return "0 s";
  if (size < 1e-6) return `${sign}${number(size * 1e9, digits)} ns`;
  if (size < 1e-3) return `${sign}${number(size * 1e6, digits)} us`;
  if (size < 1) return `${sign}${number(size * 1e3, digits)} ms`;
  if (size < 60) return `${sign}${number(size, digits)} s`;
  const [big, small, step] =
    size < 3600 ? ["min", "s", 60] : size < 86400 ? ["h", "min", 3600] : ["d", "h", 86400];
  const fine = { min: 1, h: 60, d: 3600 }[big];
  const whole = Math.round(size / fine) * fine;
  const rest = Math.round((whole % step) / fine);
  return `${sign}${number(Math.floor(whole / step), 6)} ${big}${rest ? ` ${rest} ${small}` : ""}`;
}

export const percent = (share, digits = 2) =>
  share > 0 && share < 0.001 ? "<0.1%" : `${number(100 * share, digits)}%`;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

// A moment (Date) in local time, with its day unless that is today.
export function moment(date) {
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) return "–";
  const today = date.toDateString() === new Date().toDateString();
  const year = date.getFullYear() === new Date().getFullYear() ? "" : ` ${date.getFullYear()}`;
  return today ? clock.format(date) : `${day.format(date)}${year} ${clock.format(date)}`;
}
