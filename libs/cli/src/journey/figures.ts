import { v1 } from "@outrider/contracts/api";
import { controlOf, type LogRow } from "@outrider/simulators";
import type { Api } from "../api.ts";
import { numberAt } from "../json.ts";
import { type RunProgress, readRun } from "./run.ts";
import type { CreditCounts, ProviderCounts, RunCounts, SmsCounts } from "./summary.ts";

/** Everything that a summary is made of, as it stands at one moment. */
export interface Figures {
  readonly run: RunCounts;
  readonly sms: Omit<SmsCounts, "delivered"> & { readonly sent: number };
  readonly credits: CreditCounts;
  readonly deadLetters: number;
}

const nothing: RunProgress = { run: "", found: 0, skipped: {}, allocated: 0, sms: {}, gatedBy: {}, hunts: [], settled: true };

/** `run` undefined: there is none yet. `admin` may see dead letters. */
export const figuresOf = async (api: Api, admin: Api, run: string | undefined): Promise<Figures> => {
  const [progress, credits, dead] = await Promise.all([
    run === undefined ? nothing : readRun(api, run),
    api.ask(v1.credits.show),
    admin.ask(v1.dead.list),
  ]);
  const sms = (name: string): number => progress.sms[name] ?? 0;
  return {
    run: { found: progress.found, skipped: progress.skipped, allocated: progress.allocated },
    sms: {
      accepted: sms("accepted"),
      rejected: sms("rejected"),
      unknown: sms("unknown"),
      gated: sms("gated"),
      sent: sms("sent"),
      failed: sms("failed"),
      replied: sms("replied"),
      optedOut: sms("optedOut"),
    },
    credits: {
      granted: numberAt(credits, "granted") - numberAt(credits, "expired"),
      captured: numberAt(credits, "captured") - numberAt(credits, "refunded"),
      released: numberAt(credits, "released"),
      held: numberAt(credits, "held"),
      balance: numberAt(credits, "available"),
    },
    deadLetters: numberAt(dead, "total"),
  };
};

/**
 * What this pass alone has done, for an account that had done things before: `granted` is then what it had to spend, so that the sums of
 * a summary hold for any pass.
 */
export const since = (before: Figures, after: Figures): Figures => {
  const less = (one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(Object.keys({ ...one, ...other }).map((name) => [name, (one[name] ?? 0) - (other[name] ?? 0)]));
  const sms = less(after.sms, before.sms);
  const of = (name: keyof Figures["sms"]): number => sms[name] ?? 0;
  const skipped = Object.entries(less(after.run.skipped, before.run.skipped)).filter(([, n]) => n !== 0);
  return {
    run: {
      found: after.run.found - before.run.found,
      skipped: Object.fromEntries(skipped),
      allocated: after.run.allocated - before.run.allocated,
    },
    sms: {
      accepted: of("accepted"),
      rejected: of("rejected"),
      unknown: of("unknown"),
      gated: of("gated"),
      sent: of("sent"),
      failed: of("failed"),
      replied: of("replied"),
      optedOut: of("optedOut"),
    },
    credits: {
      granted: after.credits.granted - before.credits.captured - before.credits.held,
      captured: after.credits.captured - before.credits.captured,
      released: after.credits.released - before.credits.released,
      held: after.credits.held - before.credits.held,
      balance: after.credits.balance,
    },
    deadLetters: after.deadLetters - before.deadLetters,
  };
};

/** From where on a summary looks at the simulator's log. */
export interface Since {
  /** The first row of this pass. */
  readonly row: number;
  /** Whether somebody reached then, before this pass, must not be written to again in it; a moment of the machine's clock, ms. */
  readonly stillCounts: (atMs: number) => boolean;
}

/** What the simulator's own log says of the calls of this pass; `twice` counts also who had been reached by an earlier one. */
export const providerCounts = async (simulator: string, since: Since): Promise<ProviderCounts> =>
  countsIn(controlOf(simulator).log(), since);

/** What of a row of the simulator's log matters here. */
export type Call = Pick<LogRow, "row" | "at" | "operation" | "to" | "accepted" | "answered">;

export const countsIn = async (calls: AsyncIterable<Call>, since: Since): Promise<ProviderCounts> => {
  const reached = new Set<string>();
  let accepted = 0;
  let twice = 0;
  for await (const { row, at, operation, to, accepted: taken, answered } of calls) {
    if (operation !== "sendsms" || !taken) continue;
    const isEarlier = row < since.row;
    if (isEarlier && !since.stillCounts(Date.parse(at))) continue;
    if (!isEarlier && answered) accepted += 1;
    if (!isEarlier && to !== null && reached.has(to)) twice += 1;
    if (to !== null) reached.add(to);
  }
  return { accepted, twice };
};
