// Moments in UTC, so that a report says the same to whoever opens it.

const UTC = { timeZone: "UTC" };
const day = new Intl.DateTimeFormat("en-GB", { ...UTC, day: "numeric", month: "short", year: "numeric" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { ...UTC, day: "numeric", month: "short" });
const clock = new Intl.DateTimeFormat("en-GB", { ...UTC, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat("en-GB", { ...UTC, hour: "2-digit", minute: "2-digit" });

const dated = (seconds) => new Date(seconds * 1000);
export const date = (seconds) => day.format(dated(seconds));
export const shortDate = (seconds) => dayOfYear.format(dated(seconds));
export const time = (seconds) => clock.format(dated(seconds));
export const moment = (seconds) => `${shortDate(seconds)} ${time(seconds)}`;
export const momentOf = (iso) => (iso ? moment(Date.parse(iso) / 1000) : "–");

// Labels of an axis of time whose ticks are at `splits`.
export function labels(splits) {
  const step = splits.length > 1 ? splits[1] - splits[0] : 0;
  return splits.map((at, i) => {
    if (step >= 86400) return shortDate(at);
    const text = step >= 60 ? minutes.format(dated(at)) : time(at);
    const fresh = i === 0 || shortDate(at) !== shortDate(splits[i - 1]);
    return fresh ? `${text}\n${shortDate(at)}` : text;
  });
}
