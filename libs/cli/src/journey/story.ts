import { setTimeout as sleep } from "node:timers/promises";
import { v1 } from "@outrider/contracts/api";
import { controlOf, type Preset } from "@outrider/simulators";
import type { AdsFile } from "../ads-file.ts";
import type { Api } from "../api.ts";
import { refused } from "../failure.ts";
import { itemsOf, numberAt, textAt } from "../json.ts";
import { dim, good, type Output } from "../output.ts";
import { type DemoAccount, type DemoOptions, openDemoAccount } from "./demo-account.ts";
import { type Figures, figuresOf, providerCounts, since } from "./figures.ts";
import { importFile } from "./import.ts";
import { watchRun } from "./run.ts";
import { shownAt } from "./sandbox-clock.ts";
import { type Stage, secondsOf } from "./stage.ts";
import { problemsOf, type Summary } from "./summary.ts";

export interface StoryOptions extends DemoOptions {
  readonly file: AdsFile;
  /** Of the data, with the sandbox's clock. */
  readonly dir: string;
  /** Credits that one message costs. */
  readonly price: number;
  readonly output: Output;
}

export interface Story {
  readonly summary: Summary;
  /** Rules of the summary that do not hold. */
  readonly problems: readonly string[];
}

/** What settles a run after its contacts have ended may take: webhooks come late, the ledger follows. */
const lookEveryMs = 200;
const quietMs = { none: 1_000, some: 2_000, many: 4_000 } as const satisfies Record<Preset, number>;
const patientMs = 20_000;
const dayMs = 86_400_000;

/** The whole way: account, ads, a pass, its messages and replies, the credits; and whether it adds up. */
export const playStory = async (stage: Stage, options: StoryOptions): Promise<Story> => {
  const { output } = options;
  const demo = await openDemoAccount(stage, options);
  output.say(`${good("✓")} account ${demo.account} ${demo.isNew ? "has credits, a line and hunts" : "is there from before"}`);
  return runStory(stage, demo, options);
};

/** The same with an account that is open already. */
export const runStory = async (stage: Stage, { api, account }: DemoAccount, options: StoryOptions): Promise<Story> => {
  const { output, file, price, faults } = options;
  const admin = stage.api(stage.adminKey, account);
  const simulator = simulatorOf(stage);
  const imported = await importFile(api, output, file, { fictionNumbers: true });

  const control = controlOf(simulator);
  const row = (await control.stats()).rows;
  const recontactMs = Math.max(0, numberAt(await api.ask(v1.accounts.show), "policy.recontactAfterDays") - 1) * dayMs;
  const passesBefore = await figuresOf(api, admin, await latestRun(api));
  const showed = shownAt(options.dir);
  const now = showed(Date.now());
  /** Another hunt may write to somebody again when that is long ago, by calendar days of the sandbox's clock. */
  const stillCounts = (atMs: number): boolean => now - showed(atMs) < recontactMs;
  const began = performance.now();
  const started = await api.ask(v1.runs.start);
  const run = textAt(started, "run");
  if (run === undefined) throw refused("The gateway did not name the run.");
  const sameRun = numberAt(started, "pass") > 1;
  const before = sameRun ? passesBefore : { ...passesBefore, ...noRun };
  await watchRun(api, output, run, before.run);
  const ms = performance.now() - began;

  const summaryOf = ({ run: tally, sms: { sent: _sent, failed, replied, optedOut, ...sms }, credits, deadLetters }: Figures): Summary => ({
    ads: imported.counts,
    run: tally,
    sms: { ...sms, failed, delivered: null, replied, optedOut },
    credits,
    deadLetters,
    seconds: { ...stage.seconds, import: secondsOf(imported.ms), run: secondsOf(ms) },
  });
  const look = async (): Promise<Figures> => since(before, await figuresOf(api, admin, run));
  const judge = async (figures: Figures): Promise<Story> => {
    const summary = summaryOf(figures);
    return { summary, problems: problemsOf(summary, await providerCounts(simulator, { row, stillCounts }), price) };
  };
  return settled(output, { look, judge, idle: () => isIdle(control), quietMs: quietMs[faults] });
};

/** Figures of a run that began with this pass. */
const noRun: Pick<Figures, "run" | "sms"> = {
  run: { found: 0, skipped: {}, allocated: 0 },
  sms: { accepted: 0, rejected: 0, unknown: 0, gated: 0, sent: 0, failed: 0, replied: 0, optedOut: 0 },
};

const latestRun = async (api: Api): Promise<string | undefined> =>
  textAt(itemsOf(await api.ask(v1.runs.list, { query: { limit: 1 } }))[0], "run");

const simulatorOf = ({ outrider }: Stage): string => {
  const { smsmobileapi } = outrider.urls.simulators;
  if (smsmobileapi === undefined) throw refused("The simulator of SMSMobileAPI was not started.");
  return smsmobileapi;
};

/** The simulated phones have sent and everybody has heard of it. */
const isIdle = async (control: ReturnType<typeof controlOf>): Promise<boolean> => {
  const { pending, webhooks } = await control.stats();
  return pending === 0 && webhooks.queued === 0;
};

interface Settling {
  readonly look: () => Promise<Figures>;
  readonly judge: (figures: Figures) => Promise<Story>;
  readonly idle: () => Promise<boolean>;
  readonly quietMs: number;
}

/** Waits until nothing changes any more and the sums hold; gives up on the sums when nothing has changed for 20 s. */
const settled = async (output: Output, { look, judge, idle, quietMs: quiet }: Settling): Promise<Story> => {
  const began = performance.now();
  let last = "";
  let changedAt = began;
  let judgedAt = 0;
  let told = began;
  for (;;) {
    const lookedAt = performance.now();
    const figures = await look();
    const tookMs = performance.now() - lookedAt;
    const now = JSON.stringify(figures);
    const at = performance.now();
    if (now !== last) {
      last = now;
      changedAt = at;
    }
    const still = at - changedAt;
    if (still >= quiet && at - judgedAt >= quiet && ((await idle()) || still > patientMs)) {
      judgedAt = at;
      const story = await judge(figures);
      if (story.problems.length === 0 || still > patientMs) return story;
    }
    if (at - told > 2_000) {
      told = at;
      output.say(dim(`  waiting for webhooks, replies and the ledger: ${figures.sms.sent} sent, ${figures.sms.replied} replied`));
    }
    await sleep(Math.max(lookEveryMs, Math.min(4 * tookMs, 3_000)));
  }
};
