import { setTimeout as sleep } from "node:timers/promises";
import { v1 } from "@outrider/contracts/api";
import type { Api } from "../api.ts";
import { refused } from "../failure.ts";
import { count } from "../format.ts";
import { at, countsAt, itemsOf, numberAt, textAt } from "../json.ts";
import type { Output } from "../output.ts";
import { progressOf } from "../progress.ts";

/** How a run stands: the tallies of its passes, and what has become of its contacts. */
export interface RunProgress {
  readonly run: string;
  readonly found: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly allocated: number;
  /** Contacts by status; `accepted` counts also what was sent, failed or replied to later, `gated` all rules together. */
  readonly sms: Readonly<Record<string, number>>;
  readonly gatedBy: Readonly<Record<string, number>>;
  /** One row per hunt and channel. */
  readonly hunts: readonly HuntRow[];
  /** No pass is open and every contact has ended. */
  readonly settled: boolean;
}

/** What a hunt has come to through one channel. Found and skipped are counted before a channel is chosen: they stand in a hunt's first row. */
export interface HuntRow {
  readonly hunt: string;
  readonly channel: string;
  readonly found?: number;
  readonly skipped?: number;
  readonly allocated: number;
  readonly counts: Readonly<Record<string, number>>;
}

const lookEveryMs = 300;
/** Looking costs the read models work: it may take a tenth of the time, or it would hold up what is looked at. */
const lookShare = 10;
const longestPauseMs = 3_000;
/** An attempt that nobody ended is looked after a minute past its end. */
const stalledMs = 300_000;

export const readRun = async (api: Api, run: string): Promise<RunProgress> =>
  progressIn(run, await api.ask(v1.runs.show, { params: { run } }));

export const progressIn = (run: string, answer: unknown): RunProgress => {
  const gatedBy = countsAt(answer, "progress.byStatus.gated");
  return {
    run,
    found: numberAt(answer, "progress.found"),
    skipped: countsAt(answer, "progress.skipped"),
    allocated: numberAt(answer, "progress.allocated"),
    sms: { ...countsAt(answer, "progress.byStatus"), gated: total(gatedBy) },
    gatedBy,
    hunts: itemsOf(at(answer, "progress.hunts")).flatMap(rowsOf),
    settled: at(answer, "settled") === true,
  };
};

const rowsOf = (hunt: unknown): readonly HuntRow[] => {
  const name = textAt(hunt, "hunt") ?? "";
  const first = { found: numberAt(hunt, "found"), skipped: total(countsAt(hunt, "skipped")) };
  const channels = itemsOf(hunt, "channels");
  if (channels.length === 0) return [{ hunt: name, channel: "none", ...first, allocated: numberAt(hunt, "allocated"), counts: {} }];
  return channels.map((each, index) => ({
    ...{ hunt: name, channel: textAt(each, "channel") ?? "", allocated: numberAt(each, "allocated") },
    counts: { ...countsAt(each, "byStatus"), gated: total(countsAt(each, "byStatus.gated")) },
    ...(index === 0 ? first : {}),
  }));
};

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, n) => sum + n, 0);

const endedOf = ({ sms }: RunProgress): number =>
  ["accepted", "rejected", "unknown", "gated"].reduce((sum, status) => sum + (sms[status] ?? 0), 0);

/** What earlier passes of a run have come to: the last line tells of what came after them. */
export type Earlier = Pick<RunProgress, "found" | "allocated">;

const none: Earlier = { found: 0, allocated: 0 };

/**
 * Shows a run until every contact of it has ended. @throws Failure (1) when nothing changes any more before that.
 */
export const watchRun = async (api: Api, output: Output, run: string, earlier = none): Promise<RunProgress> => {
  const progress = progressOf(output, "sending");
  try {
    let last = "";
    let changedAt = performance.now();
    for (;;) {
      const began = performance.now();
      const now = await readRun(api, run);
      const tookMs = performance.now() - began;
      progress.update(
        endedOf(now),
        now.allocated === 0 ? undefined : now.allocated,
        now.allocated === 0 ? "choosing whom to contact" : undefined,
      );
      if (now.settled) {
        const [contacts, ads] = [now.allocated - earlier.allocated, now.found - earlier.found];
        progress.end(`run ${run}: ${count(contacts)} contacts for ${count(ads)} matching ads`);
        return now;
      }
      const shown = JSON.stringify(now);
      if (shown !== last) {
        last = shown;
        changedAt = performance.now();
      } else if (performance.now() - changedAt > stalledMs) {
        throw refused(
          `The run ${run} stands still since ${stalledMs / 1000} s: ${endedOf(now)} of ${now.allocated} contacts have ended.`,
          shown,
        );
      }
      await sleep(Math.max(lookEveryMs, Math.min((lookShare - 1) * tookMs, longestPauseMs)));
    }
  } catch (error) {
    progress.drop();
    throw error;
  }
};
