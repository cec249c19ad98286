import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { flagOption } from "../context.ts";
import { stillThere } from "../endpoint.ts";
import { cannotRun, Failure, refused } from "../failure.ts";
import { dim, good } from "../output.ts";
import { places } from "../places.ts";
import { Interrupted, interruptsOf } from "./interrupts.ts";
import { clockFor, rememberClock } from "./sandbox-clock.ts";
import { openStage, type Stage } from "./stage.ts";
import { playStory, type Story } from "./story.ts";
import type { Summary } from "./summary.ts";
import { summaryText } from "./summary-table.ts";
import { rehearsalEnvironment, type Wanted, wantedOf } from "./wanted.ts";

/** The whole way in a folder of its own, then a summary that must add up. */
export const once = async (context: Context): Promise<void> => {
  const { output, options } = context;
  const wanted = wantedOf(context, process.env);
  if (process.env["OUTRIDER_PROVIDERS"] === "live") {
    throw cannotRun("`once` is a rehearsal with a simulated provider: unset OUTRIDER_PROVIDERS, or use `up` for real.");
  }
  const keep = flagOption(options, "keep");
  const dir = keep ? join(places.once, "kept") : join(places.once, freshName());
  using interrupts = interruptsOf(output);
  let stage: Stage | undefined;
  let fine: Story | undefined;
  try {
    const played = play(context, wanted, dir, (opened) => {
      stage = opened;
    });
    const story = await Promise.race([played, interrupts.happened]);
    if (output.json) mustAddUp(context, story);
    else tell(context, story);
    fine = story;
  } catch (error) {
    throw ended(error, dir, stage !== undefined);
  } finally {
    await stage?.outrider.stop();
    if (fine !== undefined && !keep) rmSync(dir, { recursive: true, force: true });
    if (fine !== undefined && keep) output.say(dim(`kept in ${dir}`));
  }
  // The last line also where both outputs go to one place.
  if (output.json) tell(context, fine);
};

const freshName = (): string => `${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}-${randomBytes(3).toString("hex")}`;

const play = async ({ output }: Context, wanted: Wanted, dir: string, opened: (stage: Stage) => void): Promise<Story> => {
  const at = clockFor(dir, wanted.at);
  rememberClock(dir, at);
  const stage = await openStage({
    dir,
    // An `up` that serves keeps its own.
    runFile: stillThere(places.runFile).starter ? join(dir, "run.json") : places.runFile,
    at,
    env: { ...rehearsalEnvironment, SMS_PRICE_CREDITS: String(wanted.price) },
    output,
  });
  opened(stage);
  output.say(dim(`  the sandbox's clock shows ${at}`));
  return playStory(stage, { ...wanted, dir, output, credentialsFile: join(dir, "credentials.json"), dailyRun: false });
};

/** @throws Failure (1) with the figures, naming each rule that does not hold. */
const mustAddUp = ({ output }: Pick<Context, "output">, { summary, problems }: Story): void => {
  if (problems.length === 0) return;
  output.found(() => textOf(summary));
  throw refused(`The summary does not add up: ${problems.join("; ")}.`, "", { found: { ...summary, problems } });
};

const textOf = (summary: Summary): string => `\n${summaryText(summary)}\n`;

/** Prints the summary. @throws Failure (1) with the figures, naming each rule that does not hold. */
export const tell = ({ output }: Pick<Context, "output">, story: Story): void => {
  mustAddUp({ output }, story);
  const result = (): void => output.result(story.summary, () => textOf(story.summary));
  if (!output.json) result();
  output.say(`${good("✓")} the summary adds up`);
  if (output.json) result();
};

/** With where to look, when something was started at all. */
const ended = (error: unknown, dir: string, started: boolean): unknown => {
  if (error instanceof Interrupted) return new Failure(1, `Interrupted; what was written so far is in ${dir}.`);
  if (error instanceof Failure && started) {
    return new Failure(error.exitCode, `${error.message} (logs and data: ${dir})`, error.detail, { cause: error, found: error.found });
  }
  return error;
};
