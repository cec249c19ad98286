import { type Calendar, calendarOf, type Place, type Row, rowOf } from "./calendar.ts";
import type { Pack, Times } from "./packs/pack.ts";
import type { AccountPolicy, NumberFacts } from "./types.ts";

const LAW = { hoursRule: "outside-hours", dayRule: "closed-day" } as const;
const ACCOUNT = { hoursRule: "account-hours", dayRule: "account-closed-day" } as const;
const CALENDARS_KEPT = 2_000;

/** Calendars hold no personal data and depend on nothing but these keys, so that a day's run builds only a handful. */
const calendars = new Map<Times, Map<string, Calendar>>();

/** When the law lets a recipient with these facts be contacted: the rows of every area and zone that may be theirs. */
export const lawfulTimes = (pack: Pack, times: Times, number: NumberFacts): Calendar =>
  remembered(calendars, times, `${number.country}|${number.area ?? ""}|${number.zones.join()}`, () =>
    calendarOf(distinct(lawfulPlaces(pack, times, number))),
  );

const lawfulPlaces = (pack: Pack, times: Times, number: NumberFacts): readonly Place[] => {
  const base = rowOf(times.base, LAW);
  const placeIn = (zone: string, area: string | undefined): Place => ({
    zone,
    rows: [base, ...times.areas.filter((row) => row.area === area).map((row) => rowOf(row, LAW))],
    holidays: times.publicHolidays && {
      country: pack.code,
      region: area === undefined ? undefined : pack.areas[area]?.holidays,
      source: times.publicHolidays.source,
    },
  });
  if (number.area !== undefined) return number.zones.map((zone) => placeIn(zone, number.area));
  const possible = pack.countries[number.country] ?? [];
  const places = possible.flatMap((area) =>
    (pack.areas[area]?.zones ?? []).filter((zone) => number.zones.includes(zone)).map((zone) => placeIn(zone, area)),
  );
  // A zone in which the pack knows no area still has the country's own rows.
  const covered = new Set(places.map((place) => place.zone));
  return [...places, ...number.zones.filter((zone) => !covered.has(zone)).map((zone) => placeIn(zone, undefined))];
};

/** Most states have no rows of their own: what is left of fifty states is a dozen places. */
const distinct = (places: readonly Place[]): readonly Place[] => [
  ...new Map(
    places.map((place) => [`${place.zone}|${place.rows.map((row) => row.source).join()}|${place.holidays?.region ?? ""}`, place]),
  ).values(),
];

const accountCalendars = new WeakMap<AccountPolicy, Map<string, Calendar>>();

/** The account's own days and hours, in the recipient's zones; undefined when it set none. Policies are values: change one by a new object. */
export const accountTimes = (policy: AccountPolicy, number: NumberFacts): Calendar | undefined => {
  if (policy.hours === undefined && policy.weekdays === undefined && policy.closedDays === undefined) return undefined;
  return remembered(accountCalendars, policy, number.zones.join(), () => {
    const rows = [accountRow(policy)];
    return calendarOf(number.zones.map((zone) => ({ zone, rows })));
  });
};

const WEEK = [1, 2, 3, 4, 5, 6, 7];

const accountRow = ({ hours, weekdays = WEEK, closedDays }: AccountPolicy): Row =>
  rowOf(
    {
      from: hours?.from,
      to: hours?.to,
      closed: WEEK.filter((day) => !weekdays.includes(day)),
      closedDays,
      source: "the account's own settings",
    },
    ACCOUNT,
  );

interface Shelf<Key> {
  get(key: Key): Map<string, Calendar> | undefined;
  set(key: Key, calendars: Map<string, Calendar>): unknown;
}

const remembered = <Key>(shelf: Shelf<Key>, owner: Key, key: string, make: () => Calendar): Calendar => {
  let kept = shelf.get(owner);
  if (kept === undefined) {
    kept = new Map();
    shelf.set(owner, kept);
  }
  let calendar = kept.get(key);
  if (calendar === undefined) {
    calendar = make();
    if (kept.size >= CALENDARS_KEPT) kept.clear();
    kept.set(key, calendar);
  }
  return calendar;
};
