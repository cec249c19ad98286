import type { huntCommands } from "@outrider/contracts/hunts";
import { subjects } from "@outrider/contracts/streams";
import type { CommandContext, KnownAccount } from "@outrider/platform";
import type { z } from "zod";
import { beginAllocation } from "./allocate.ts";
import { oldestWanted, type PassTools } from "./pass.ts";
import { askBalance, askLines, capacityOf, dueOn, localDayOf, playOf, requestedOn, runOf } from "./play.ts";
import { share } from "./share.ts";
import type { Denial } from "./survey.ts";
import { preview } from "./verdicts.ts";

export type DryRun = z.output<(typeof huntCommands)["dryRun"]["reply"]>;

/** What a pass would do now: the same looking, the same sharing out, with the balance in place of a reservation. Nothing is written. */
export const dryRun = async (tools: PassTools, account: KnownAccount, limit: number, context: CommandContext): Promise<DryRun> => {
  const { accounts, ask, candidates, clock, prices, runs, sandbox } = tools;
  const nowMs = clock.nowMs();
  const date = localDayOf(account.timeZone, nowMs);
  const due = dueOn(date, await candidates.hunts(account.account));
  const documents = new Map(due.map((each) => [each.hunt, each]));
  const { correlation, traceparent, deadlineAt: deadline } = context;
  const [lines, balance] = await Promise.all([
    askLines(ask, account, due, { correlation, traceparent, deadline }),
    askBalance(ask, account, { correlation, traceparent, deadline }),
  ]);
  const requested = await requestedOn(candidates, account, date);
  const { state: run } = await runs.fold(subjects.run(account.account, runOf(date)));
  const play = playOf(due, { account, accounts, lines, prices, nowMs, run, requested });
  const capacity = capacityOf({ account, lines, run, requested }, balance, tools.mostContacts);
  const gate = preview({ account, hunts: documents, now: clock.now(), sandbox });
  const survey = beginAllocation(play.hunts, capacity, gate.judge);
  const denials: Denial[] = [];
  for await (const page of candidates.scan(account.account, oldestWanted({ documents }, nowMs))) {
    // All denials, not only those that changed: nothing is recorded here.
    for (const found of page) survey.take({ ...gate.candidate(found), denied: undefined });
    denials.push(...survey.denials().slice(0, Math.max(0, limit - denials.length)));
  }
  const shared = share(survey.hunts(), capacity);
  const total = totalOf(shared.tallies);
  return {
    ...total,
    credits: shared.credits,
    balance,
    hunts: [...shared.tallies],
    contacts: shared.rows
      .slice(0, limit)
      .map(({ hunt, ad, person, channel, line, price: credits }) => ({ hunt, ad, person, channel, line, credits })),
    denials,
  };
};

const totalOf = (
  tallies: readonly { readonly found: number; readonly allocated: number; readonly skipped: Readonly<Record<string, number>> }[],
) => {
  const skipped: Record<string, number> = {};
  for (const tally of tallies) for (const [rule, pairs] of Object.entries(tally.skipped)) skipped[rule] = (skipped[rule] ?? 0) + pairs;
  return {
    found: tallies.reduce((sum, { found }) => sum + found, 0),
    allocated: tallies.reduce((sum, { allocated }) => sum + allocated, 0),
    skipped,
  };
};
