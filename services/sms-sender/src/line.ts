import type { ContactId, LineId, PersonId } from "@outrider/contracts/ids";
import type { LineEvent, LineLimits } from "@outrider/contracts/sms";
import { accept, type Decider, refuse, unreachable } from "@outrider/eventing/decider";

/** Bounded by what is open, and by the recipients' limits: without a limit nobody is counted. */
export interface Line {
  opened?: { readonly line: string; readonly provider: string; readonly timeZone: string };
  limits: LineLimits;
  paused?: { readonly reason: string; readonly by: string };
  /** Turns given and not used yet. */
  readonly open: Map<ContactId, string>;
  lastAt: string;
  day: { date: string; readonly people: Set<PersonId> };
  month: { month: string; readonly people: Set<PersonId> };
}

export interface TurnRequest {
  readonly contact: ContactId;
  readonly person: PersonId;
}

export type LineCommand =
  | { readonly type: "Open"; readonly line: LineId; readonly provider: string; readonly timeZone: string; readonly limits: LineLimits }
  | { readonly type: "ChangeLimits"; readonly limits: LineLimits }
  | {
      readonly type: "GiveTurns";
      readonly wanted: readonly TurnRequest[];
      /** The service's clock; `endsAt` is the last moment of that local day. */
      readonly now: string;
      readonly date: string;
      readonly endsAt: string;
      /** One number from 0 to 1 for each: the jitter of its gap. */
      readonly random: readonly number[];
    }
  | { readonly type: "EndTurns"; readonly contacts: readonly ContactId[] }
  | { readonly type: "Pause"; readonly reason: string; readonly by: string }
  | { readonly type: "Resume"; readonly by: string };

export type LineRefusal = "no-such-line" | "already-open-differently";

/** The phone or number that sends: it gives turns, so that no line sends faster or to more people than it may. */
export const line: Decider<Line, LineCommand, LineEvent, LineRefusal> = {
  initial: () => ({
    limits: { minGapMs: 0, jitterMs: 0, recipientsPerDay: null, recipientsPerMonth: null, spread: false },
    open: new Map(),
    lastAt: "",
    day: { date: "", people: new Set() },
    month: { month: "", people: new Set() },
  }),

  evolve: (state, { type, data }) => {
    switch (type) {
      case "LineOpened":
        state.opened = data;
        state.limits = data.limits;
        return state;
      case "LineLimitsChanged":
        state.limits = data.limits;
        return state;
      case "TurnsGiven":
        if (state.day.date !== data.day) state.day = { date: data.day, people: new Set() };
        if (state.month.month !== data.day.slice(0, 7)) state.month = { month: data.day.slice(0, 7), people: new Set() };
        for (const { contact, person, at } of data.turns) {
          state.open.set(contact, at);
          if (state.limits.recipientsPerDay !== null) state.day.people.add(person);
          if (state.limits.recipientsPerMonth !== null) state.month.people.add(person);
          if (at > state.lastAt) state.lastAt = at;
        }
        return state;
      case "TurnsRefused":
        return state;
      case "TurnsEnded":
        for (const contact of data.contacts) state.open.delete(contact);
        return state;
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
      const { line: name, provider, timeZone, limits } = command;
      if (state.opened === undefined) return accept({ type: "LineOpened", data: { line: name, provider, timeZone, limits } });
      return state.opened.provider === provider ? changeLimits(state, limits) : refuse("already-open-differently");
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
        return state.paused === undefined ? accept({ type: "LinePaused", data: { reason: command.reason, by: command.by } }) : accept();
      case "Resume":
        return state.paused === undefined ? accept() : accept({ type: "LineResumed", data: { by: command.by } });
      default:
        return unreachable(command);
    }
  },
};

const changeLimits = (state: Line, limits: LineLimits) =>
  JSON.stringify(limits) === JSON.stringify(state.limits)
    ? accept<LineEvent>()
    : accept<LineEvent>({ type: "LineLimitsChanged", data: { limits } });

const giveTurns = (state: Line, { wanted, now, date, endsAt, random }: Extract<LineCommand, { type: "GiveTurns" }>) => {
  const fresh = wanted.filter(({ contact }) => !state.open.has(contact));
  if (fresh.length === 0) return accept<LineEvent>();
  const turns: { contact: ContactId; person: PersonId; at: string }[] = [];
  const refused: { contact: ContactId; rule: string }[] = [];
  const room = recipients(state, date);
  let last = Date.parse(state.lastAt || now);
  let first = state.lastAt === "";
  for (const [index, { contact, person }] of fresh.entries()) {
    const rule = state.paused !== undefined ? "line-paused" : room.full(person);
    const gap = first ? 0 : state.limits.minGapMs + Math.floor((random[index] ?? 0) * state.limits.jitterMs);
    const at = new Date(Math.max(Date.parse(now), last + gap)).toISOString();
    if (rule !== undefined) refused.push({ contact, rule });
    else if (at > endsAt) refused.push({ contact, rule: "line-day-full" });
    else {
      turns.push({ contact, person, at });
      room.take(person);
      last = Date.parse(at);
      first = false;
    }
  }
  const events: LineEvent[] = [];
  if (turns.length > 0) events.push({ type: "TurnsGiven", data: { day: date, turns } });
  if (refused.length > 0) events.push({ type: "TurnsRefused", data: { turns: refused } });
  return accept(...events);
};

/** Distinct people a day and a month, counted on top of what the line remembers. */
const recipients = ({ limits, day, month }: Line, date: string) => {
  const today = new Set(day.date === date ? day.people : []);
  const thisMonth = new Set(month.month === date.slice(0, 7) ? month.people : []);
  const over = (people: Set<PersonId>, person: PersonId, most: number | null) =>
    most !== null && !people.has(person) && people.size >= most;
  return {
    full: (person: PersonId): string | undefined =>
      over(today, person, limits.recipientsPerDay)
        ? "line-daily-limit"
        : over(thisMonth, person, limits.recipientsPerMonth)
          ? "line-monthly-limit"
          : undefined,
    take: (person: PersonId): void => {
      if (limits.recipientsPerDay !== null) today.add(person);
      if (limits.recipientsPerMonth !== null) thisMonth.add(person);
    },
  };
};

/** Distinct people this line may still write to on that day; null: no limit. */
export const leftOn = ({ limits, day, month }: Line, date: string): number | null => {
  const rest = (most: number | null, used: number) => (most === null ? null : Math.max(0, most - used));
  const today = rest(limits.recipientsPerDay, day.date === date ? day.people.size : 0);
  const thisMonth = rest(limits.recipientsPerMonth, month.month === date.slice(0, 7) ? month.people.size : 0);
  return today === null ? thisMonth : thisMonth === null ? today : Math.min(today, thisMonth);
};
