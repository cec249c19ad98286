import { count, duration } from "../format.ts";
import { bold, dim } from "../output.ts";
import { pairsTable } from "../table.ts";
import type { Summary } from "./summary.ts";

const section = (title: string, pairs: readonly (readonly [string, unknown])[]): string => `${bold(title)}\n${pairsTable(pairs)}`;

/** The summary for people. */
export const summaryText = ({ ads, run, sms, credits, deadLetters, seconds }: Summary): string => {
  const skipped = Object.entries(run.skipped).toSorted(([, one], [, other]) => other - one);
  return [
    section("Ads", Object.entries(ads)),
    section("Run", [
      ["found (hunt × ad)", run.found],
      ...skipped.map(([rule, n]) => [`  skipped: ${rule}`, n] as const),
      ["allocated", run.allocated],
    ]),
    section("SMS", [
      ["accepted", sms.accepted],
      ["  of these failed later", sms.failed],
      ["  of these delivered", sms.delivered === null ? "the vendor has no receipts" : sms.delivered],
      ["rejected", sms.rejected],
      ["unknown", sms.unknown],
      ["gated", sms.gated],
      ["replied", sms.replied],
      ["opted out", sms.optedOut],
    ]),
    section("Credits", Object.entries(credits)),
    dim(
      `${count(deadLetters)} dead letters · set up ${duration(seconds.setUp * 1000)}, start ${duration(seconds.start * 1000)}, ` +
        `import ${duration(seconds.import * 1000)}, run ${duration(seconds.run * 1000)}`,
    ),
  ].join("\n\n");
};
