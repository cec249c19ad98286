import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { endMarked, type LeftBehind } from "./left-behind.ts";
import { checkTally, inWords, sum, type Tally, vitestTally } from "./test-report.ts";

// What `npm test` runs: the checks, then every vitest project, one after another, all of them even when an early one fails.
// With arguments (`npm test -- --project unit libs/eventing`) only vitest, with those. The last line is always the sum.

interface Part {
  readonly name: string;
  readonly run: () => Promise<Tally>;
}

interface Result extends Tally {
  readonly name: string;
  readonly seconds: number;
}

const root = resolve(import.meta.dirname, "..");
const scratch = mkdtempSync(join(tmpdir(), "outrider-test-"));
/** Every process of this run inherits it, so that what is left at the end can be found. */
const mark = `OUTRIDER_TEST_RUN=${randomBytes(8).toString("hex")}`;
const partLimitMs = 20 * 60_000;
const endGraceMs = 10_000;
const failuresShown = 30;

const environment = {
  ...process.env,
  OUTRIDER_TEST_RUN: mark.slice(mark.indexOf("=") + 1),
  PATH: [join(root, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
};

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => interrupted.abort(signal));

/** Runs a program with our own terminal; answers its exit code, null after a signal. */
const program = (command: string, ...args: readonly string[]): Promise<number | null> =>
  new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, env: environment, stdio: "inherit" });
    const end = (): void => void child.kill("SIGTERM");
    const limit = setTimeout(() => {
      console.log(`${command} did not end within ${partLimitMs / 60_000} minutes and is stopped`);
      end();
      setTimeout(() => child.kill("SIGKILL"), endGraceMs).unref();
    }, partLimitMs);
    interrupted.signal.addEventListener("abort", end, { once: true });
    const over = (): void => {
      clearTimeout(limit);
      interrupted.signal.removeEventListener("abort", end);
    };
    child.once("error", (error) => {
      over();
      fail(error);
    });
    child.once("close", (code) => {
      over();
      done(code);
    });
  });

const check = (name: string, command: string, ...args: readonly string[]): Part => ({
  name,
  run: async () => checkTally(name, (await program(command, ...args)) === 0),
});

let reports = 0;
const vitest = (name: string, ...args: readonly string[]): Part => ({
  name,
  run: async () => {
    reports += 1;
    const report = join(scratch, `report-${reports}.json`);
    const code = await program("vitest", "run", ...args, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`);
    return vitestTally(name, report, code, root);
  },
});

/** Gets the two servers before any test waits for them: on a fresh machine that takes longer than a test may. */
const servers: Part = {
  name: "servers",
  run: async () => {
    const { findMongo, findNats } = await import("@outrider/stack");
    const onProgress = (text: string): void => console.log(text);
    const { version } = await findNats({ onProgress });
    console.log(`nats-server ${version}`);
    if ((process.env["MONGODB_URL"] ?? "") === "") console.log(`MongoDB: ${(await findMongo({ onProgress })).kind}`);
    return checkTally("servers", true);
  },
};

const whole: readonly Part[] = [
  check("types", "tsc", "-p", "tsconfig.json"),
  check("lint", "biome", "check", "."),
  check("imports", process.execPath, "scripts/check-imports.ts"),
  check(".env.example", process.execPath, "scripts/env-example.ts", "--check"),
  check("documents", process.execPath, "scripts/check-docs.ts"),
  servers,
  vitest("unit", "--project", "unit"),
  vitest("integration", "--project", "integration"),
  vitest("journeys", "--project", "journeys"),
  vitest("chaos", "--project", "chaos"),
];

const heading = (text: string): void => console.log(`\n── ${text} ${"─".repeat(Math.max(0, 76 - text.length))}`);

const inTime = async (part: Part): Promise<Result> => {
  heading(part.name);
  const from = performance.now();
  const tally = await part.run().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    return checkTally(part.name, false);
  });
  const seconds = (performance.now() - from) / 1000;
  console.log(`${part.name}: ${tally.failed === 0 ? "passed" : "FAILED"} in ${seconds.toFixed(1)} s`);
  return { ...tally, name: part.name, seconds };
};

const tellLeft = (left: readonly LeftBehind[]): Result => {
  for (const { pid, command } of left) console.log(`left running and killed: ${pid} ${command.slice(0, 200)}`);
  return { ...checkTally(`${left.length} processes were left running`, left.length === 0), name: "nothing left running", seconds: 0 };
};

const summary = (results: readonly Result[]): void => {
  heading("summary");
  const width = Math.max(...results.map(({ name }) => name.length));
  for (const result of results) {
    const word = result.failed === 0 ? "passed" : "FAILED";
    console.log(`${word}  ${result.name.padEnd(width)}  ${result.seconds.toFixed(1).padStart(6)} s  ${inWords(result)}`);
    for (const failure of result.failures.slice(0, failuresShown)) console.log(`          ${failure}`);
    if (result.failures.length > failuresShown) console.log(`          and ${result.failures.length - failuresShown} more`);
  }
};

const given = process.argv.slice(2);
const parts = given.length === 0 ? whole : [vitest("vitest", ...given)];
const results: Result[] = [];
for (const part of parts) {
  if (interrupted.signal.aborted) break;
  results.push(await inTime(part));
}
const left = tellLeft(await endMarked(mark, interrupted.signal.aborted ? endGraceMs / 2 : endGraceMs));
if (given.length === 0 || left.failed > 0) results.push(left);
if (interrupted.signal.aborted) {
  const failures = [`stopped by ${String(interrupted.signal.reason)} before all parts had run`];
  results.push({ passed: 0, failed: 1, skipped: 0, failures, name: "interrupted", seconds: 0 });
}
rmSync(scratch, { recursive: true, force: true });
summary(results);
const total = sum(results);
console.log(`\n${inWords(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
