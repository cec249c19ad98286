import type { Channel } from "@outrider/contracts/fields";
import type { Allocation, HuntTally, RunEvent } from "@outrider/contracts/hunts";
import type { HuntId, RunId } from "@outrider/contracts/ids";
import { accept, type Decider, refuse, unreachable } from "@outrider/eventing/decider";

/** One start within the account's day. Counts only: the rows are in the log. */
export interface Pass {
  readonly pass: number;
  readonly hunts: readonly HuntId[];
  readonly reservationNumber: number;
  open: boolean;
  reservation?: string;
  held: number;
  /** Credits that rows have taken. */
  used: number;
  pages: number;
  denialPages: number;
  allocated: number;
  /** Rows by hunt; and by channel within. */
  readonly rows: Map<HuntId, number>;
  readonly channels: Map<HuntId, Map<Channel, number>>;
  found: number;
  skipped: Readonly<Record<string, number>>;
  tallies: readonly HuntTally[];
  rest: number;
}

/** One account's day: its passes, and how much of the day's limits they have taken. */
export interface Run {
  run?: RunId;
  readonly passes: Pass[];
  allocatedToday: number;
  readonly byHunt: Map<string, number>;
  readonly byLine: Map<string, number>;
}

export type RunCommand =
  | { readonly type: "OpenPass"; readonly run: RunId; readonly by: "cron" | "hand"; readonly hunts: readonly HuntId[] }
  | {
      readonly type: "RecordReservation";
      readonly pass: number;
      readonly reservation: string;
      readonly wanted: number;
      readonly held: number;
    }
  /** `page` is the number of this page: whoever counts on another one has planned from an old state. */
  | { readonly type: "AllocatePage"; readonly pass: number; readonly page: number; readonly rows: readonly Allocation[] }
  | {
      readonly type: "RecordDenials";
      readonly pass: number;
      readonly page: number;
      readonly denials: Extract<RunEvent, { type: "DenialsRecorded" }>["data"]["denials"];
    }
  | { readonly type: "ClosePass"; readonly pass: number; readonly pages: number; readonly hunts: readonly HuntTally[] };

export type RunRefusal =
  | "too-many-passes"
  | "no-such-pass"
  | "pass-closed"
  | "not-reserved"
  | "page-out-of-turn"
  | "beyond-reservation"
  | "does-not-add-up";

/** At most this many rows in one message; and the bytes stay under `mostPageBytes`. */
export const mostPageRows = 500;
export const mostPageBytes = 200_000;
/** In a day: with the tallies of as many hunts as may be active, more would not fit into one document of the read model. */
export const mostPasses = 48;

export const openPass = (state: Run): Pass | undefined => {
  const last = state.passes.at(-1);
  return last?.open === true ? last : undefined;
};

/** Numbered over all days of an account, so that an old reservation cannot come back. */
export const reservationNumberOf = (run: RunId, pass: number): number => Number(run.replaceAll("-", "")) * 1000 + pass;
export const reservationIdOf = (number: number): string => `pass-${number}`;

const decide: Decider<Run, RunCommand, RunEvent, RunRefusal>["decide"] = (state, command) => {
  if (command.type === "OpenPass") return open(state, command);
  const pass = state.passes.find((each) => each.pass === command.pass);
  if (pass === undefined) return refuse("no-such-pass");
  if (!pass.open) return command.type === "ClosePass" ? accept() : refuse("pass-closed");
  switch (command.type) {
    case "RecordReservation": {
      if (pass.reservation !== undefined) return accept();
      const { reservation, wanted, held } = command;
      return accept({ type: "PassReserved", data: { pass: pass.pass, reservation, wanted, held } });
    }
    case "AllocatePage":
      return allocate(pass, command);
    case "RecordDenials":
      if (command.page !== pass.denialPages + 1) return refuse("page-out-of-turn");
      return command.denials.length === 0
        ? accept()
        : accept({ type: "DenialsRecorded", data: { pass: pass.pass, denials: command.denials } });
    case "ClosePass":
      return close(pass, command);
    default:
      return unreachable(command);
  }
};

const open = (state: Run, { run, by, hunts }: Extract<RunCommand, { type: "OpenPass" }>) => {
  if (openPass(state) !== undefined) return accept<RunEvent>(); // a start while one is open answers that one
  if (state.passes.length >= mostPasses) return refuse("too-many-passes");
  const pass = (state.passes.at(-1)?.pass ?? 0) + 1;
  return accept<RunEvent>({
    type: "PassOpened",
    data: { run, pass, reservationNumber: reservationNumberOf(run, pass), by, hunts: [...hunts] },
  });
};

const allocate = (pass: Pass, { page, rows }: Extract<RunCommand, { type: "AllocatePage" }>) => {
  if (pass.reservation === undefined) return refuse("not-reserved");
  if (page !== pass.pages + 1) return refuse("page-out-of-turn");
  if (rows.length === 0) return accept<RunEvent>();
  const credits = rows.reduce((sum, row) => sum + row.credits, 0);
  if (pass.used + credits > pass.held) return refuse("beyond-reservation");
  const { reservation } = pass;
  return accept<RunEvent>({ type: "PageAllocated", data: { pass: pass.pass, page, reservation, rows: [...rows] } });
};

const close = (pass: Pass, { hunts, pages }: Extract<RunCommand, { type: "ClosePass" }>) => {
  if (pages !== pass.pages) return refuse("page-out-of-turn");
  const skipped: Record<string, number> = {};
  let found = 0;
  for (const tally of hunts) {
    let skippedHere = 0;
    for (const [rule, count] of Object.entries(tally.skipped)) {
      skipped[rule] = (skipped[rule] ?? 0) + count;
      skippedHere += count;
    }
    if (tally.found !== tally.allocated + skippedHere || tally.allocated !== (pass.rows.get(tally.hunt) ?? 0)) {
      return refuse("does-not-add-up");
    }
    found += tally.found;
  }
  if (hunts.reduce((sum, { allocated }) => sum + allocated, 0) !== pass.allocated) return refuse("does-not-add-up");
  return accept<RunEvent>({
    type: "PassClosed",
    data: {
      pass: pass.pass,
      ...(pass.reservation === undefined ? {} : { reservation: pass.reservation }),
      rest: pass.held - pass.used,
      found,
      allocated: pass.allocated,
      skipped,
      hunts: [...hunts],
    },
  });
};

const evolve = (state: Run, event: RunEvent): Run => {
  if (event.type === "PassOpened") {
    const { run, pass, hunts, reservationNumber } = event.data;
    state.run = run;
    state.passes.push(opened(pass, hunts, reservationNumber));
    return state;
  }
  const pass = state.passes.find((each) => each.pass === event.data.pass);
  if (pass === undefined) return state;
  switch (event.type) {
    case "PassReserved":
      pass.reservation = event.data.reservation;
      pass.held = event.data.held;
      return state;
    case "PageAllocated":
      count(state, pass, event.data.rows);
      return state;
    case "DenialsRecorded":
      pass.denialPages += 1;
      return state;
    case "PassClosed":
      pass.open = false;
      pass.rest = event.data.rest;
      pass.found = event.data.found;
      pass.skipped = event.data.skipped;
      pass.tallies = event.data.hunts;
      return state;
    default:
      return unreachable(event);
  }
};

const opened = (pass: number, hunts: readonly HuntId[], reservationNumber: number): Pass => ({
  pass,
  hunts,
  reservationNumber,
  open: true,
  held: 0,
  used: 0,
  pages: 0,
  denialPages: 0,
  allocated: 0,
  rows: new Map(),
  channels: new Map(),
  found: 0,
  skipped: {},
  tallies: [],
  rest: 0,
});

const count = (state: Run, pass: Pass, rows: readonly Allocation[]): void => {
  pass.pages += 1;
  for (const { hunt, channel, line, credits } of rows) {
    const channels = pass.channels.get(hunt) ?? new Map<Channel, number>();
    pass.channels.set(hunt, channels.set(channel, (channels.get(channel) ?? 0) + 1));
    pass.used += credits;
    pass.allocated += 1;
    pass.rows.set(hunt, (pass.rows.get(hunt) ?? 0) + 1);
    state.allocatedToday += 1;
    state.byHunt.set(hunt, (state.byHunt.get(hunt) ?? 0) + 1);
    state.byLine.set(line, (state.byLine.get(line) ?? 0) + 1);
  }
};

export const runs: Decider<Run, RunCommand, RunEvent, RunRefusal> = {
  initial: () => ({ passes: [], allocatedToday: 0, byHunt: new Map(), byLine: new Map() }),
  evolve,
  decide,
};
