import { Temporal } from "temporal-polyfill";

/** Local calendar arithmetic on plain numbers: the gate runs a hundred thousand times a day, and zone look-ups are slow. */

export const DAY = 86_400_000;

/** Milliseconds since the epoch of an ISO 8601 time. Throws RangeError on anything else: a bad time must never read as "long ago". */
export const instant = (iso: string): number => {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) throw new RangeError("not an ISO 8601 time");
  return at;
};

interface Span {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

const spansByZone = new Map<string, Span[]>();
const SPANS_KEPT = 32;

/** Offset of local time from UTC, in milliseconds, in an IANA zone. Throws RangeError for an unknown zone. */
export const offsetAt = (zone: string, at: number): number => {
  let spans = spansByZone.get(zone);
  if (spans === undefined) {
    spans = [];
    spansByZone.set(zone, spans);
  }
  for (const span of spans) if (span.start <= at && at < span.end) return span.offset;
  const span = spanAt(zone, at);
  if (spans.length >= SPANS_KEPT) spans.shift();
  spans.push(span);
  return span.offset;
};

const spanAt = (zone: string, at: number): Span => {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  // One nanosecond later, so that a transition at this very moment counts as the start of its span.
  const start = local.add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
  const end = local.getTimeZoneTransition("next");
  return {
    start: start?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
    end: end?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
    offset: local.offsetNanoseconds / 1e6,
  };
};

/** The local calendar day as days since 1970-01-01. */
export const localDay = (zone: string, at: number): number => Math.floor((at + offsetAt(zone, at)) / DAY);

/** Milliseconds since local midnight, by the clock on the wall. */
export const localTime = (zone: string, at: number): number => {
  const local = at + offsetAt(zone, at);
  return local - Math.floor(local / DAY) * DAY;
};

/** The moment at which the wall clock of `zone` shows `time` (ms since midnight) on `day`. */
export const momentOf = (zone: string, day: number, time: number): number => {
  const wall = day * DAY + time;
  // Two passes: the first offset may be of the other side of a change of clocks.
  const guess = wall - offsetAt(zone, wall);
  return wall - offsetAt(zone, guess);
};

/** ISO weekday, 1 Monday … 7 Sunday. */
export const weekdayOf = (day: number): number => ((((day + 3) % 7) + 7) % 7) + 1;

export const dayOf = (isoDate: string): number => instant(`${isoDate}T00:00:00Z`) / DAY;

/** "HH:MM" in milliseconds since midnight; "24:00" is the end of the day. */
export const timeOf = (text: string): number => {
  const match = /^(\d{2}):(\d{2})$/.exec(text);
  if (match === null) throw new RangeError("not a time of day like 08:00");
  return (Number(match[1]) * 60 + Number(match[2])) * 60_000;
};
