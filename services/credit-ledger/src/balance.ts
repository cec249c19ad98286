import type { ContactId } from "@outrider/contracts/ids";
import { checkedAtOnce, type LedgerEvent, type SettledOutcome } from "@outrider/contracts/ledger";
import { accept, type Decider, type Decision, refuse, unreachable } from "@outrider/eventing/decider";
import { closed, opened } from "./balance-closing.ts";
import { inUtc } from "./moment.ts";

/** One thing that a stream says about held credits, before the balance has looked at it. */
export type Outcome = Omit<SettledOutcome, "named">;

export type BalanceCommand =
  | {
      readonly type: "Grant";
      readonly grant: string;
      readonly credits: number;
      readonly by: string;
      readonly expiresAt?: string | undefined;
      readonly now: string;
      readonly note?: string | undefined;
    }
  | { readonly type: "Expire"; readonly grant: string; readonly now: string; readonly lowBelow?: number | undefined }
  | {
      readonly type: "Reserve";
      readonly reservation: string;
      readonly number?: number | undefined;
      readonly most: number;
      readonly atLeast: number;
      readonly purpose: "pass" | "request";
      /** Of a request: whom it pays for, and until when (real time) that contact must have been asked for. */
      readonly awaits?: { readonly contact: ContactId; readonly until: string } | undefined;
    }
  /** What became of requests that had to be taken up before `before`: `taken` says which contact has, and has not ended yet. */
  | {
      readonly type: "Check";
      readonly before: string;
      readonly found: readonly { readonly reservation: string; readonly taken: boolean }[];
    }
  | { readonly type: "Settle"; readonly stream: string; readonly outcomes: readonly Outcome[]; readonly lowBelow?: number | undefined };

export type BalanceRefusal = "no-credits" | "reservation-too-old" | "not-expired-yet" | "expired-already";

/** Bounded by what is open: reservations, one position per stream, one id per grant; never one entry per contact. */
export interface Balance {
  granted: number;
  expired: number;
  captured: number;
  released: number;
  refunded: number;
  available: number;
  held: number;
  grants: Set<string>;
  /** What is left of grants that expire. What is spent is taken from the one that expires soonest. */
  expiring: Map<string, { left: number; readonly expiresAt: string }>;
  open: Map<string, Hold>;
  highest: number;
  positions: Map<string, number>;
  below: number | undefined;
}

/** `until` is set while it is not known whether `contact` has been asked for with it. */
interface Hold {
  readonly credits: number;
  left: number;
  readonly contact?: ContactId | undefined;
  until?: string | undefined;
}

const initial = (): Balance => ({
  granted: 0,
  expired: 0,
  captured: 0,
  released: 0,
  refunded: 0,
  available: 0,
  held: 0,
  grants: new Set(),
  expiring: new Map(),
  open: new Map(),
  highest: 0,
  positions: new Map(),
  below: undefined,
});

const evolve = (state: Balance, event: LedgerEvent): Balance => {
  switch (event.type) {
    case "CreditsGranted": {
      const { grant, credits, expiresAt } = event.data;
      state.granted += credits;
      state.available += credits;
      state.grants.add(grant);
      if (expiresAt !== undefined) state.expiring.set(grant, { left: credits, expiresAt: inUtc(expiresAt) });
      return risen(state);
    }
    case "CreditsExpired":
      state.expired += event.data.credits;
      state.available -= event.data.credits;
      // What was held at that moment stays good: it may be on its way to a person already.
      state.expiring.delete(event.data.grant);
      return state;
    case "CreditsReserved": {
      const { reservation, credits, number, contact, until } = event.data;
      state.available -= credits;
      state.held += credits;
      state.open.set(reservation, { credits, left: credits, ...(contact === undefined ? {} : { contact, until }) });
      if (number !== undefined) state.highest = Math.max(state.highest, number);
      return state;
    }
    case "ReservationProlonged": {
      const hold = state.open.get(event.data.reservation);
      if (hold !== undefined) hold.until = event.data.until;
      return state;
    }
    case "ReservationsChecked":
      for (const reservation of event.data.kept) {
        const hold = state.open.get(reservation);
        if (hold !== undefined) hold.until = undefined;
      }
      for (const { reservation, credits } of event.data.released) {
        state.open.delete(reservation);
        state.held -= credits;
        state.released += credits;
        state.available += credits;
      }
      return risen(state);
    case "OutcomesSettled":
      for (const outcome of event.data.outcomes) {
        settle(state, outcome);
        state.positions.set(event.data.stream, Math.max(outcome.seq, state.positions.get(event.data.stream) ?? 0));
      }
      return risen(state);
    case "BalanceLow":
      state.below = event.data.below;
      return state;
    case "BalanceClosed":
      return opened(event.data.state);
    default:
      return unreachable(event);
  }
};

const settle = (state: Balance, { kind, reservation, credits }: SettledOutcome): void => {
  if (kind === "refunded") {
    state.refunded += credits;
    state.available += credits;
    return;
  }
  const open = state.open.get(reservation);
  if (open !== undefined) {
    open.left -= credits;
    if (open.left <= 0) state.open.delete(reservation);
  }
  state.held -= credits;
  if (kind === "released") {
    state.released += credits;
    state.available += credits;
  } else {
    state.captured += credits;
    spend(state.expiring, credits);
  }
};

const spend = (expiring: Balance["expiring"], credits: number): void => {
  let rest = credits;
  while (rest > 0 && expiring.size > 0) {
    const [grant, lot] = [...expiring].reduce((soonest, each) => (each[1].expiresAt < soonest[1].expiresAt ? each : soonest));
    const taken = Math.min(rest, lot.left);
    rest -= taken;
    lot.left -= taken;
    if (lot.left === 0) expiring.delete(grant);
  }
};

/** Above the mark again: the next crossing is worth another word. */
const risen = (state: Balance): Balance => {
  if (state.below !== undefined && state.available + state.held >= state.below) state.below = undefined;
  return state;
};

const decide = (state: Balance, command: BalanceCommand): Decision<LedgerEvent, BalanceRefusal> => {
  switch (command.type) {
    case "Grant": {
      const { grant, credits, by, expiresAt, now, note } = command;
      if (state.grants.has(grant)) return accept(); // by its own id, however long ago: a grant makes value out of nothing
      if (expiresAt !== undefined && inUtc(expiresAt) <= now) return refuse("expired-already");
      const data = { grant, credits, by, ...(expiresAt === undefined ? {} : { expiresAt }), ...(note === undefined ? {} : { note }) };
      return accept({ type: "CreditsGranted", data });
    }
    case "Expire": {
      const lot = state.expiring.get(command.grant);
      if (lot === undefined) return accept();
      if (lot.expiresAt > command.now) return refuse("not-expired-yet");
      const credits = Math.min(lot.left, state.available);
      return accept(
        { type: "CreditsExpired", data: { grant: command.grant, credits } },
        ...low(state, { available: state.available - credits, held: state.held }, command.lowBelow),
      );
    }
    case "Reserve": {
      const { reservation, number, most, atLeast, purpose, awaits } = command;
      const hold = state.open.get(reservation);
      if (hold !== undefined) {
        const { until } = hold;
        if (until === undefined || awaits === undefined || awaits.until <= until) return accept();
        return accept({ type: "ReservationProlonged", data: { reservation, until: awaits.until } });
      }
      if (number !== undefined && number <= state.highest) return refuse("reservation-too-old");
      if (state.available < Math.max(1, atLeast)) return refuse("no-credits");
      const credits = Math.min(most, state.available);
      const data = { reservation, ...(number === undefined ? {} : { number }), credits, purpose, ...awaits };
      return accept({ type: "CreditsReserved", data });
    }
    case "Check":
      return check(state, command);
    case "Settle":
      return decideSettle(state, command);
    default:
      return unreachable(command);
  }
};

/** Whoever was prolonged meanwhile, or is settled, is left alone. */
const check = (state: Balance, { before, found }: Extract<BalanceCommand, { type: "Check" }>): Decision<LedgerEvent, BalanceRefusal> => {
  const kept: string[] = [];
  const released: { reservation: string; credits: number }[] = [];
  for (const { reservation, taken } of found.slice(0, checkedAtOnce)) {
    const hold = state.open.get(reservation);
    if (hold?.until === undefined || hold.until > before) continue;
    if (taken) kept.push(reservation);
    else released.push({ reservation, credits: hold.left });
  }
  return kept.length + released.length === 0 ? accept() : accept({ type: "ReservationsChecked", data: { kept, released } });
};

/**
 * Another reader may have settled part of this batch: what lies beyond this balance's own position is kept. An outcome that names more than
 * there is takes what is there and says so; nothing is ever taken from another reservation.
 */
const decideSettle = (state: Balance, { stream, outcomes, lowBelow }: Extract<BalanceCommand, { type: "Settle" }>) => {
  const position = state.positions.get(stream) ?? 0;
  const left = new Map<string, number>();
  let { available, held } = state;
  let spent = state.captured - state.refunded;
  const settled: SettledOutcome[] = [];
  for (const outcome of outcomes) {
    if (outcome.seq <= position) continue;
    const { kind, reservation } = outcome;
    const there = kind === "refunded" ? spent : (left.get(reservation) ?? state.open.get(reservation)?.left ?? 0);
    const credits = Math.min(outcome.credits, there);
    if (kind !== "refunded") {
      left.set(reservation, there - credits);
      held -= credits;
    }
    if (kind !== "captured") available += credits;
    if (kind !== "released") spent += kind === "captured" ? credits : -credits;
    settled.push(credits === outcome.credits ? outcome : { ...outcome, credits, named: outcome.credits });
  }
  if (settled.length === 0) return accept<LedgerEvent>();
  return accept<LedgerEvent>(
    { type: "OutcomesSettled", data: { stream, outcomes: settled } },
    ...low(state, { available, held }, lowBelow),
  );
};

const low = (state: Balance, after: { available: number; held: number }, below: number | undefined): readonly LedgerEvent[] => {
  if (below === undefined || after.available + after.held >= below || state.below !== undefined) return [];
  return [{ type: "BalanceLow", data: { ...after, below } }];
};

/** Credits are held before anything is sent and captured once it was accepted, so a balance never goes below zero. */
export const balance: Decider<Balance, BalanceCommand, LedgerEvent, BalanceRefusal> = {
  initial,
  evolve,
  decide,
  closing: {
    event: (state, commands) => ({ type: "BalanceClosed", data: { state: closed(state), commands: [...commands] } }),
    commands: (event) => (event.type === "BalanceClosed" ? event.data.commands : undefined),
  },
};
