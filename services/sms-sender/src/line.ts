import type { ContactId, LineId, PersonId } from "@outrider/contracts/ids";
import { type LineEvent, type LineLimits, type LineLimitsChange, lineLimits } from "@outrider/contracts/sms";
import { accept, type Decider, type Decision, refuse, unreachable } from "@outrider/eventing/decider";
import { evenGap, firstHole, leastGap, type Window } from "./spacing.ts";

/** Bounded by what is open, and by the recipients' limits: without a limit nobody is counted. */
export interface Line {
  opened?: { readonly line: string; readonly provider: string; readonly timeZone: string };
  limits: LineLimits;
  paused?: { readonly reason: string; readonly by: string };
  /** Turns given and not used yet. */
  readonly open: Map<ContactId, string>;
  /** Whom an open turn counts for, and in which day and month, where there is a limit. */
  readonly counted: Map<ContactId, { readonly person: PersonId; readonly day?: string; readonly month?: string }>;
  /** The last turn that is open or was used, and the last one used. */
  lastAt: string;
  usedAt: string;
  /** By person: turns that are open or were used. */
  day: { date: string; readonly people: Map<PersonId, number> };
  month: { month: string; readonly people: Map<PersonId, number> };
}

/** Clocks of two replicas differ by no more (docs/operations.md), ms: a turn that ended so shortly before its moment may have been used. */
const clocksDifferMs = 1000;

export interface TurnRequest {
  readonly contact: ContactId;
  readonly person: PersonId;
}

export type LineCommand =
  /** `limits`: what is wanted of them; the rest stays as it is, and is usual on a new line. */
  | {
      readonly type: "Open";
      readonly line: LineId;
      readonly provider: string;
      readonly timeZone: string;
      readonly limits: LineLimitsChange;
    }
  | { readonly type: "ChangeLimits"; readonly limits: LineLimitsChange }
  | {
      readonly type: "GiveTurns";
      readonly wanted: readonly TurnRequest[];
      /** The service's clock; `endsAt` is the last moment of that local day. */
      readonly now: string;
      readonly date: string;
      readonly endsAt: string;
      /** One number from 0 to 1 for each: the jitter of its gap. */
      readonly random: readonly number[];
      /** That day's lawful hours, if there are any: a line that spreads has them to share. */
      readonly window?: Window | undefined;
      /** Somebody waits for these: on a line that spreads they go in between, as soon as the least gap allows. */
      readonly soon?: boolean;
    }
  | { readonly type: "EndTurns"; readonly contacts: readonly ContactId[] }
  /** `over`: whose pause ends by itself, and so is no reason to record nothing. */
  | { readonly type: "Pause"; readonly reason: string; readonly by: string; readonly over?: string }
  /** `pausedBy`: the only one whose pause this is to end. */
  | { readonly type: "Resume"; readonly by: string; readonly pausedBy?: string };

type EventData<Type extends LineEvent["type"]> = Extract<LineEvent, { type: Type }>["data"];

export type LineRefusal = "no-such-line" | "already-open-differently" | "nothing-to-spread";

/** The phone or number that sends: it gives turns, so that no line sends faster or to more people than it may. */
export const line: Decider<Line, LineCommand, LineEvent, LineRefusal> = {
  initial: () => ({
    limits: { minGapMs: 0, jitterMs: 0, recipientsPerDay: null, recipientsPerMonth: null, spread: false },
    open: new Map(),
    counted: new Map(),
    lastAt: "",
    usedAt: "",
    day: { date: "", people: new Map() },
    month: { month: "", people: new Map() },
  }),

  evolve: (state, { type, data }, when) => {
    switch (type) {
      case "LineOpened":
        state.opened = data;
        state.limits = data.limits;
        return state;
      case "LineLimitsChanged":
        state.limits = data.limits;
        return state;
      case "TurnsGiven":
        return given(state, data);
      case "TurnsRefused":
        return state;
      case "TurnsEnded":
        return ended(state, data.contacts, when);
      case "LinePaused":
        state.paused = data;
        return state;
      case "LineResumed":
        delete state.paused;
        return state;
      default:
        return unreachable(type);
    }
  },

  decide: (state, command) => {
    if (command.type === "Open") {
      const { line: name, provider, timeZone } = command;
      if (state.opened !== undefined) {
        return state.opened.provider === provider ? changeLimits(state, command.limits) : refuse("already-open-differently");
      }
      const limits = lineLimits.parse(command.limits);
      return cannotSpread(limits)
        ? refuse("nothing-to-spread")
        : accept({ type: "LineOpened", data: { line: name, provider, timeZone, limits } });
    }
    if (state.opened === undefined) return refuse("no-such-line");
    switch (command.type) {
      case "ChangeLimits":
        return changeLimits(state, command.limits);
      case "GiveTurns":
        return giveTurns(state, command);
      case "EndTurns": {
        const contacts = command.contacts.filter((contact) => state.open.has(contact));
        return contacts.length === 0 ? accept() : accept({ type: "TurnsEnded", data: { contacts } });
      }
      case "Pause":
        return state.paused === undefined || state.paused.by === command.over
          ? accept({ type: "LinePaused", data: { reason: command.reason, by: command.by } })
          : accept();
      case "Resume":
        return state.paused === undefined || (command.pausedBy !== undefined && command.pausedBy !== state.paused.by)
          ? accept()
          : accept({ type: "LineResumed", data: { by: command.by } });
      default:
        return unreachable(command);
    }
  },
};

/**
 * Around midnight one replica may still ask for the day before, when another has been given turns of the next: these count for the day that has
 * begun, whose count would be lost otherwise. A date from longer ago is that of a sandbox whose clock was set back.
 */
const countedDay = ({ day: { date: begun } }: Line, date: string): string =>
  date < begun && Date.parse(begun) - Date.parse(date) <= dayMs ? begun : date;

const dayMs = 86_400_000;

const given = (state: Line, { day: date, turns }: EventData<"TurnsGiven">): Line => {
  const day = countedDay(state, date);
  const month = day.slice(0, 7);
  if (state.day.date !== day) state.day = { date: day, people: new Map() };
  if (state.month.month !== month) state.month = { month, people: new Map() };
  const [perDay, perMonth] = [state.limits.recipientsPerDay !== null, state.limits.recipientsPerMonth !== null];
  for (const { contact, person, at } of turns) {
    state.open.set(contact, at);
    if (perDay) add(state.day.people, person, 1);
    if (perMonth) add(state.month.people, person, 1);
    if (perDay || perMonth) state.counted.set(contact, { person, ...(perDay ? { day } : {}), ...(perMonth ? { month } : {}) });
    if (at > state.lastAt) state.lastAt = at;
  }
  return state;
};

/** A turn that ends before its moment was not used, as after a pause: it is free again, and whom it was for has not been written to. */
const ended = (state: Line, contacts: readonly ContactId[], when: string): Line => {
  let isLast = false;
  for (const contact of contacts) {
    const at = state.open.get(contact) ?? "";
    const counted = state.counted.get(contact);
    state.open.delete(contact);
    state.counted.delete(contact);
    if (at > when && Date.parse(at) - Date.parse(when) > clocksDifferMs) {
      isLast ||= at === state.lastAt;
      if (counted !== undefined && counted.day === state.day.date) add(state.day.people, counted.person, -1);
      if (counted !== undefined && counted.month === state.month.month) add(state.month.people, counted.person, -1);
    } else if (at > state.usedAt) state.usedAt = at;
  }
  if (isLast) {
    state.lastAt = state.usedAt;
    for (const at of state.open.values()) if (at > state.lastAt) state.lastAt = at;
  }
  return state;
};

const add = (people: Map<PersonId, number>, person: PersonId, turns: 1 | -1): void => {
  const count = (people.get(person) ?? 0) + turns;
  if (count > 0) people.set(person, count);
  else people.delete(person);
};

const changeLimits = (state: Line, change: LineLimitsChange): Decision<LineEvent, LineRefusal> => {
  const limits = lineLimits.parse({ ...state.limits, ...change });
  if (cannotSpread(limits)) return refuse("nothing-to-spread");
  return JSON.stringify(limits) === JSON.stringify(state.limits) ? accept() : accept({ type: "LineLimitsChanged", data: { limits } });
};

/**
 * The day is shared by as many as may be written to: without a limit nobody knows how many that is. Without a least gap those who come back,
 * as after an outage, would all leave together.
 */
const cannotSpread = ({ spread, minGapMs, recipientsPerDay, recipientsPerMonth }: LineLimits): boolean =>
  spread && (minGapMs === 0 || (recipientsPerDay === null && recipientsPerMonth === null));

type GiveTurns = Extract<LineCommand, { type: "GiveTurns" }>;

/** The moments of turns, one after another. `peek` tells when the next one would be; `take` gives it. */
const momentsOf = (state: Line, { now, window, soon }: GiveTurns) => {
  const { limits } = state;
  const nowMs = Date.parse(now);
  if (limits.spread && soon === true) {
    const taken = [...state.open.values(), state.usedAt].flatMap((at) => (at === "" ? [] : [Date.parse(at)])).sort((a, b) => a - b);
    return (random: number): number => firstHole(taken, nowMs, leastGap(limits, random));
  }
  let last = state.lastAt === "" ? undefined : Date.parse(state.lastAt);
  return (random: number, left: number | null): number => {
    const spreads = limits.spread && window !== undefined && left !== null;
    const from = spreads ? Math.max(nowMs, Date.parse(window.from)) : nowMs;
    const gap = spreads ? evenGap(limits, random, Date.parse(window.to) - Math.max(from, last ?? from), left) : leastGap(limits, random);
    last = last === undefined ? from : Math.max(from, last + gap);
    return last;
  };
};

const giveTurns = (state: Line, command: GiveTurns) => {
  const { wanted, date, endsAt, random } = command;
  const fresh = wanted.filter(({ contact }) => !state.open.has(contact));
  if (fresh.length === 0) return accept<LineEvent>();
  const turns: { contact: ContactId; person: PersonId; at: string }[] = [];
  const refused: { contact: ContactId; rule: string }[] = [];
  const room = recipients(state, date);
  const next = momentsOf(state, command);
  for (const [index, { contact, person }] of fresh.entries()) {
    let rule = state.paused !== undefined ? "line-paused" : room.full(person);
    const at = rule === undefined ? new Date(next(random[index] ?? 0, room.left())).toISOString() : "";
    if (at > endsAt) rule = "line-day-full"; // and so is it for all who come after
    if (rule !== undefined) refused.push({ contact, rule });
    else {
      turns.push({ contact, person, at });
      room.take(person);
    }
  }
  const events: LineEvent[] = [];
  if (turns.length > 0) events.push({ type: "TurnsGiven", data: { day: date, turns } });
  if (refused.length > 0) events.push({ type: "TurnsRefused", data: { turns: refused } });
  return accept(...events);
};

/** Distinct people a day and a month, counted on top of what the line remembers. */
const recipients = (state: Line, wanted: string) => {
  const { limits, day, month } = state;
  const date = countedDay(state, wanted);
  const today = new Set(day.date === date ? day.people.keys() : []);
  const thisMonth = new Set(month.month === date.slice(0, 7) ? month.people.keys() : []);
  const over = (people: Set<PersonId>, person: PersonId, most: number | null) =>
    most !== null && !people.has(person) && people.size >= most;
  return {
    full: (person: PersonId): string | undefined =>
      over(today, person, limits.recipientsPerDay)
        ? "line-daily-limit"
        : over(thisMonth, person, limits.recipientsPerMonth)
          ? "line-monthly-limit"
          : undefined,
    left: (): number | null => least(limits.recipientsPerDay, today.size, limits.recipientsPerMonth, thisMonth.size),
    take: (person: PersonId): void => {
      if (limits.recipientsPerDay !== null) today.add(person);
      if (limits.recipientsPerMonth !== null) thisMonth.add(person);
    },
  };
};

/** Distinct people this line may still write to on that day; null: no limit. */
export const leftOn = (state: Line, date: string): number | null => recipients(state, date).left();

const least = (perDay: number | null, today: number, perMonth: number | null, thisMonth: number): number | null => {
  const rests = [perDay === null ? [] : perDay - today, perMonth === null ? [] : perMonth - thisMonth].flat();
  return rests.length === 0 ? null : Math.max(0, Math.min(...rests));
};
