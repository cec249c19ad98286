import { isPublicHoliday } from "./holidays.ts";
import { DAY, dayOf, localDay, localTime, momentOf, timeOf, weekdayOf } from "./local-time.ts";
import type { Rule } from "./rules.ts";

/** One stretch of the recipient's possible whereabouts: a zone with the rows that hold there. All of them must be open at once. */
export interface Place {
  readonly zone: string;
  readonly rows: readonly Row[];
  readonly holidays?: { readonly country: string; readonly region: string | undefined; readonly source: string } | undefined;
}

export interface Row {
  /** Milliseconds since local midnight, the end exclusive. */
  readonly from: number;
  readonly to: number;
  readonly on: ReadonlySet<number> | undefined;
  readonly closed: ReadonlySet<number>;
  readonly closedDays: ReadonlySet<number>;
  /** First day (since 1970-01-01) on which the row holds. */
  readonly since: number;
  readonly source: string;
  /** What a closure by this row is called. */
  readonly hoursRule: Rule;
  readonly dayRule: Rule;
}

export type Opening =
  | { readonly open: true }
  /** `until` is the first moment at which every place is open, infinite when there is none within a year. */
  | { readonly open: false; readonly until: number; readonly rule: Rule; readonly source: string };

export interface Calendar {
  readonly places: readonly Place[];
  /** The last answer and the stretch of time over which it holds. */
  memory: { readonly from: number; readonly until: number; readonly answer: Opening } | undefined;
}

const HORIZON_DAYS = 370;
const OPEN: Opening = { open: true };

export const calendarOf = (places: readonly Place[]): Calendar => ({ places, memory: undefined });

const NO_DAYS: ReadonlySet<number> = new Set();

/** A row as people write it, ready for arithmetic. Throws RangeError when a time or date is none. */
export const rowOf = (
  written: {
    from?: string | undefined;
    to?: string | undefined;
    on?: readonly number[] | undefined;
    closed?: readonly number[] | undefined;
    closedDays?: readonly string[] | undefined;
    since?: string | undefined;
    source: string;
  },
  names: { hoursRule: Rule; dayRule: Rule },
): Row => ({
  from: timeOf(written.from ?? "00:00"),
  to: timeOf(written.to ?? "24:00"),
  on: written.on === undefined ? undefined : new Set(written.on),
  closed: new Set(written.closed),
  closedDays: written.closedDays === undefined ? NO_DAYS : new Set(written.closedDays.map(dayOf)),
  since: written.since === undefined ? Number.NEGATIVE_INFINITY : dayOf(written.since),
  source: written.source,
  ...names,
});

/** Is every place open at `at` (ms)? The answer depends on the moment alone, whatever was asked before. */
export const openingAt = (calendar: Calendar, at: number): Opening => {
  const known = calendar.memory;
  if (known !== undefined && known.from <= at && at < known.until) return known.answer;
  let answer: Opening = OPEN;
  let closure: Closure | undefined;
  let steady = Number.POSITIVE_INFINITY;
  for (const place of calendar.places) {
    const state = stateOf(place, at);
    steady = Math.min(steady, state.steady);
    if (!state.open && (closure === undefined || gravity(state.rule) > gravity(closure.rule))) closure = state;
  }
  if (closure !== undefined) answer = { open: false, until: allOpenAfter(calendar, at), rule: closure.rule, source: closure.source };
  calendar.memory = { from: at, until: steady, answer };
  return answer;
};

/** From when to when (ms) every place is open on its local day of `at`; undefined: some place is closed all day, or they never are together. */
export const windowOn = ({ places }: Calendar, at: number): { readonly from: number; readonly to: number } | undefined => {
  let [from, to] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const place of places) {
    const today = localDay(place.zone, at);
    const hours = hoursOn(place, today);
    if (hours.from >= hours.to) return undefined;
    from = Math.max(from, momentOf(place.zone, today, hours.from));
    to = Math.min(to, momentOf(place.zone, today, hours.to));
  }
  return from < to ? { from, to } : undefined;
};

const allOpenAfter = (calendar: Calendar, at: number): number => {
  const end = at + HORIZON_DAYS * DAY;
  let moment = at;
  while (moment < end) {
    let next = moment;
    for (const place of calendar.places) {
      const state = stateOf(place, moment);
      if (!state.open) next = Math.max(next, state.opens);
    }
    if (next === moment) return moment;
    moment = next;
  }
  return Number.POSITIVE_INFINITY;
};

const gravity = (rule: Rule): number => (rule === "public-holiday" ? 2 : rule === "closed-day" || rule === "account-closed-day" ? 1 : 0);

interface Closure {
  readonly open: false;
  readonly opens: number;
  readonly rule: Rule;
  readonly source: string;
  readonly steady: number;
}

/** `steady`: until then this place answers the same. */
const stateOf = (place: Place, at: number): { readonly open: true; readonly steady: number } | Closure => {
  const today = localDay(place.zone, at);
  const time = localTime(place.zone, at);
  const hours = hoursOn(place, today);
  if (hours.from <= time && time < hours.to) return { open: true, steady: momentOf(place.zone, today, hours.to) };
  const opens = opensAfter(place, today, time);
  const steady = Math.min(opens, momentOf(place.zone, today + 1, 0), time < hours.from ? opens : Number.POSITIVE_INFINITY);
  const late = hours.from < hours.to && time >= hours.to;
  return { open: false, opens, rule: hours.rule, source: late ? hours.toSource : hours.fromSource, steady };
};

const opensAfter = (place: Place, today: number, time: number): number => {
  for (let day = today; day <= today + HORIZON_DAYS; day += 1) {
    const hours = hoursOn(place, day);
    if (hours.from < hours.to && (day > today || time < hours.from)) return momentOf(place.zone, day, hours.from);
  }
  return Number.POSITIVE_INFINITY;
};

interface DayHours {
  readonly from: number;
  readonly to: number;
  readonly rule: Rule;
  readonly fromSource: string;
  readonly toSource: string;
}

const closedFor = (rule: Rule, source: string): DayHours => ({ from: DAY, to: 0, rule, fromSource: source, toSource: source });

/** The strictest of all rows that hold on this day; a closed day has no time between `from` and `to`. */
const hoursOn = (place: Place, day: number): DayHours => {
  const { holidays } = place;
  if (holidays !== undefined && isPublicHoliday(holidays.country, holidays.region, day))
    return closedFor("public-holiday", holidays.source);
  const weekday = weekdayOf(day);
  let hours: DayHours = { from: 0, to: DAY, rule: "outside-hours", fromSource: "", toSource: "" };
  for (const row of place.rows) {
    if (day < row.since) continue;
    if (row.closed.has(weekday) || row.closedDays.has(day)) return closedFor(row.dayRule, row.source);
    if (row.on !== undefined && !row.on.has(weekday)) continue;
    const later = row.from > hours.from;
    const sooner = row.to < hours.to;
    hours = {
      from: later ? row.from : hours.from,
      to: sooner ? row.to : hours.to,
      rule: row.hoursRule,
      fromSource: later ? row.source : hours.fromSource,
      toSource: sooner ? row.source : hours.toSource,
    };
  }
  return hours;
};
