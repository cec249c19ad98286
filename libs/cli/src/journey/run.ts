import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "../api.ts";
import { refused } from "../failure.ts";
import { count } from "../format.ts";
import { countsAt, itemsOf, numberAt, textAt } from "../json.ts";
import type { Output } from "../output.ts";
import { progressOf } from "../progress.ts";

/** How a run stands: the tallies of its passes, and what has become of its contacts. */
export interface RunProgress {
  readonly run: string;
  readonly found: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly allocated: number;
  /** Contacts by outcome. `accepted` counts also what was sent, failed or replied to later. */
  readonly sms: Readonly<Record<string, number>>;
  /** Contacts that have no outcome yet. */
  readonly open: number;
  readonly passOpen: boolean;
}

const lookEveryMs = 300;
/** An attempt that nobody ended is looked after a minute past its end. */
const stalledMs = 180_000;

/** The run as the gateway shows it; `since` is the one before a pass that is to be watched alone. */
export const readRun = async (api: Api, run: string): Promise<RunProgress> => progressIn(run, await api.get(`/v1/runs/${run}`));

export const progressIn = (run: string, answer: unknown): RunProgress => {
  const sms = countsAt(answer, "progress.outcomes");
  const passes = itemsOf(answer, "passes");
  return {
    run,
    found: numberAt(answer, "progress.found"),
    skipped: countsAt(answer, "progress.skipped"),
    allocated: numberAt(answer, "progress.allocated"),
    sms,
    open: numberAt(answer, "progress.open"),
    passOpen: passes.some((pass) => textAt(pass, "status") === "open"),
  };
};

/**
 * Shows a run until every contact of it has ended. @throws Failure (1) when nothing changes any more before that.
 */
export const watchRun = async (api: Api, output: Output, run: string, pass?: number): Promise<RunProgress> => {
  const progress = progressOf(output, "sending");
  try {
    let last = "";
    let changedAt = performance.now();
    for (;;) {
      const now = await readRun(api, run);
      const ended = now.allocated - now.open;
      progress.update(
        ended,
        now.passOpen && now.allocated === 0 ? undefined : now.allocated,
        now.passOpen ? "choosing whom to contact" : undefined,
      );
      if (!now.passOpen && now.open === 0 && (pass === undefined || now.found > 0)) {
        progress.end(`run ${run}: ${count(now.allocated)} of ${count(now.found)} found were contacted or tried`);
        return now;
      }
      const shown = JSON.stringify(now);
      if (shown !== last) {
        last = shown;
        changedAt = performance.now();
      } else if (performance.now() - changedAt > stalledMs) {
        throw refused(`The run ${run} stands still: ${now.open} contacts have no outcome since ${stalledMs / 1000} s.`, shown);
      }
      await sleep(lookEveryMs);
    }
  } catch (error) {
    progress.drop();
    throw error;
  }
};
