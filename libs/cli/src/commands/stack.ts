import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { action } from "../context.ts";
import { cannotRun } from "../failure.ts";
import { places } from "../places.ts";

/** What starts processes or looks at the machine; everything heavy is imported when it is asked for. */
export const addStack = (program: Command): void => {
  addUp(program);
  addOnce(program);
  addDoctor(program);
  addEnv(program);
};

const addUp = (program: Command): void => {
  program
    .command("up")
    .description("starts everything, runs a first daily hunt in the sandbox, and keeps serving until Ctrl-C")
    .option("--ads <file>", "the ads of the first run (default: a sample of 500)")
    .option("--at <time>", "what the sandbox's clock shows at the start (default: now, or when recipients may lawfully be contacted)")
    .option("--faults <share>", "how the simulated provider misbehaves: none, some or many", "none")
    .option("--pace <ms>", "milliseconds between two messages of the demo account's line (default: none)")
    .option("--credits <credits>", "what the demo account is granted when it is new", "100000")
    .option("--no-demo", "no demo account, no first run")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider up\n  $ outrider up --pace 1000\n  $ GATEWAY_PORT=8080 outrider up --no-demo\n  $ outrider up --once --json     the same as `outrider once --json`",
    )
    .action(action(async (context) => (await import("../journey/up.ts")).up(context)));
};

const addOnce = (program: Command): void => {
  program
    .command("once")
    .description("the whole way once: ads, a daily run, SMS, replies, credits; prints a summary that adds up, and ends")
    .option("--ads <file>", "CSV with ads (default: a sample of 500)")
    .option("--faults <share>", "how the simulated provider misbehaves: none, some or many", "none")
    .option("--at <time>", "what the sandbox's clock shows (default: now, or when recipients may lawfully be contacted)")
    .option("--pace <ms>", "milliseconds between two messages of the line (default: none)")
    .option("--credits <credits>", "what the account is granted", "100000")
    .option("--keep", "uses one lasting folder and keeps it, so that the next `once --keep` goes on from there")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider once\n  $ outrider once --ads ads.csv --faults some --json\n  $ outrider once --at 2026-11-24T10:00:00+01:00 --keep",
    )
    .action(action(async (context) => (await import("../journey/once.ts")).once(context)));
};

const addDoctor = (program: Command): void => {
  program
    .command("doctor")
    .description("what this machine has for Outrider, what it lacks, and the command that installs it")
    .addHelpText("after", "\nExamples:\n  $ outrider doctor\n  $ outrider doctor --json")
    .action(action(async (context) => (await import("../doctor.ts")).doctor(context)));
};

const addEnv = (program: Command): void => {
  program
    .command("env")
    .description("prints every variable that the services read, with its default")
    .addHelpText("after", "\nExample:\n  $ outrider env > .env")
    .action(
      action(async ({ output }) => {
        try {
          const text = readFileSync(places.envExample, "utf8");
          output.result({ env: text }, () => text.trimEnd());
        } catch {
          throw cannotRun(`${places.envExample} is missing: write it with \`node scripts/env-example.ts\`.`);
        }
      }),
    );
};
