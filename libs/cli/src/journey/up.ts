import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isOutriderIn } from "@outrider/stack";
import type { Context } from "../context.ts";
import { readCredentials, stillThere, writeCredentials } from "../endpoint.ts";
import { cannotRun, documentOf, endingOf } from "../failure.ts";
import { bad, bold, dim, type Output } from "../output.ts";
import { places } from "../places.ts";
import { progressOf } from "../progress.ts";
import { openDemoAccount } from "./demo-account.ts";
import { Interrupted, interruptsOf } from "./interrupts.ts";
import { keepWatch } from "./keep-watch.ts";
import { tell } from "./once.ts";
import { clockFor, rememberClock } from "./sandbox-clock.ts";
import { openStage, type Stage } from "./stage.ts";
import { runStory } from "./story.ts";
import { sumsEnvironment, wantedOf } from "./wanted.ts";

const usualPort = 4000;

/** Starts everything in the lasting folder, runs a first daily hunt when the account is new, and serves until it is told to stop. */
export const up = async (context: Context): Promise<void> => {
  const { output } = context;
  const wanted = wantedOf(context, process.env);
  await untilNobodyElse(output, places);
  const dir = places.data;
  const live = process.env["OUTRIDER_PROVIDERS"] === "live";
  using interrupts = interruptsOf(output);
  using watches = new DisposableStack();
  let stage: Stage | undefined;
  const demo = !live && context.options["demo"] !== false;
  try {
    const serving = (async () => {
      const at = live ? undefined : clockFor(dir, wanted.at);
      if (at !== undefined) rememberClock(dir, at);
      stage = await openStage({
        dir,
        runFile: places.runFile,
        at,
        output,
        gatewayPort: await portFor(),
        env: { ...(demo && !isDone(dir) ? sumsEnvironment : {}), SMS_PRICE_CREDITS: String(wanted.price) },
      });
      const { outrider } = stage;
      watches.use(keepWatch(() => outrider.services(), output.say));
      if (!demo && !live) keepAdminKey(stage.adminKey, places.credentials);
      let told = false;
      const first = async (running: Stage): Promise<void> => {
        told = await firstRun(context, running, wanted, dir);
      };
      if (demo) told = (await servedAnyway(context, Promise.race([first(stage), interrupts.happened]))) || told;
      sayWhere(context, stage, at, demo);
      // A first run has told its summary: one document, not two.
      if (output.json && !told) output.result(whereOf(stage, at), () => "");
    })();
    await Promise.race([serving, interrupts.happened]);
    await interrupts.happened;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    watches.dispose(); // what ends now is meant to
    await stage?.outrider.stop();
  }
};

/** Services end within their `STOP_DEADLINE_MS` once whoever started them is gone or ends; what is there then is somebody else's. */
const leftBehindMs = 15_000;

/**
 * @throws Failure (2) when Outrider runs here. One that ends, and services of one that was killed, are waited for: they still hold the
 * folder or the usual port.
 */
export const untilNobodyElse = async (
  output: Output,
  { runFile, data }: Pick<typeof places, "runFile" | "data">,
  mostMs = leftBehindMs,
): Promise<void> => {
  const progress = progressOf(output, "waiting for an earlier start to end");
  try {
    for (const began = performance.now(); performance.now() - began < mostMs; await sleep(100)) {
      const { starter, services } = stillThere(runFile);
      if (starter) throw cannotRun("Outrider runs here already: use it, or end it first with Ctrl-C where it was started.");
      if (!services && !(await isOutriderIn(data))) return;
    }
  } finally {
    progress.drop();
  }
};

/** In the sandbox the administrator's key is made up, and without the demo account nobody else would write it down. */
export const keepAdminKey = (adminKey: string, file: string): void => {
  if (readCredentials(file)?.adminKey !== adminKey) writeCredentials(file, { adminKey });
};

/** GATEWAY_PORT must be free; without it 4000 is taken when it is, else whatever is. */
const portFor = async (): Promise<number | undefined> => {
  if (process.env["GATEWAY_PORT"] !== undefined) return undefined;
  const { createServer } = await import("node:net");
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(undefined));
    probe.listen(usualPort, "127.0.0.1", () => probe.close(() => resolve(usualPort)));
  });
};

const firstRunFile = (dir: string): string => join(dir, "first-run.json");
const isDone = (dir: string): boolean => existsSync(firstRunFile(dir)) && readFileSync(firstRunFile(dir), "utf8") !== "";

/** What goes wrong in the first run is told in one sentence: what has been started serves all the same. True when it was told. */
export const servedAnyway = async ({ output, options }: Pick<Context, "output" | "options">, work: Promise<void>): Promise<boolean> => {
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const { sentence, detail } = endingOf(error);
    output.say(`${bad("✗")} The first run: ${sentence}`);
    if (detail !== "" && options["verbose"] === true) output.say(detail);
    if (output.json) output.result(documentOf(error), () => sentence);
    return true;
  }
};

/** The first run is done once: a start that was interrupted in it does it again, and contacts nobody twice. True when it was done now. */
const firstRun = async (context: Context, stage: Stage, wanted: ReturnType<typeof wantedOf>, dir: string): Promise<boolean> => {
  const done = firstRunFile(dir);
  const options = { ...wanted, dir, output: context.output, credentialsFile: places.credentials, dailyRun: true };
  const account = await openDemoAccount(stage, options);
  if (account.isNew) rmSync(done, { force: true });
  if (isDone(dir)) return false;
  const story = await runStory(stage, account, options);
  writeFileSync(done, `${JSON.stringify(story.summary)}\n`);
  tell(context, story);
  return true;
};

/** Servers of one's own may be told with a password, which is not to stand on a screen. */
const shownUrls = ({ urls }: Stage["outrider"]) => ({ ...urls, nats: withoutPassword(urls.nats), mongodb: withoutPassword(urls.mongodb) });
export const withoutPassword = (urls: string): string => urls.replaceAll(/(^|,|\/\/)[^/,@]*@/g, "$1");

/** For programs: what runs and where. */
const whereOf = ({ outrider, gateway }: Stage, at: string | undefined) => ({
  ok: true,
  api: `${gateway}/v1`,
  ...shownUrls(outrider),
  ...(at === undefined ? { providers: "live" } : { providers: "sandbox", at }),
  runFile: places.runFile,
});

const sayWhere = ({ output }: Context, { outrider, gateway }: Stage, at: string | undefined, demo: boolean): void => {
  const { nats, natsMonitor, mongodb, simulators } = shownUrls(outrider);
  const lines = [
    `${bold("Outrider is ready")} ${dim(at === undefined ? "(live)" : `(sandbox; its clock showed ${at} at the start)`)}`,
    `  API        ${gateway}/v1   ${dim(`${gateway}/docs`)}`,
    `  NATS       ${nats}${natsMonitor === undefined ? "" : `   ${dim(natsMonitor)}`}`,
    `  MongoDB    ${mongodb}`,
    ...Object.entries(simulators).map(([name, url]) => `  simulator  ${url}   ${dim(name)}`),
    dim(at === undefined ? `  processes: ${places.runFile}` : `  key, processes: ${places.credentials}, ${places.runFile}`),
    `  Ctrl-C ends it; try \`npx outrider ${demo ? "hunts list" : "accounts create NAME"}\` in another terminal.`,
  ];
  for (const line of lines) output.say(line);
};
