import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isMissing } from "./stack-error.ts";
import { fakeRepository, isGone, temporaryFolder, until, write } from "./test-world.ts";
import { startTethered } from "./tethered.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let parent: ChildProcess | undefined;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  parent?.kill("SIGKILL");
  parent = undefined;
  await folder[Symbol.asyncDispose]();
});

test("everything ends within seconds of a parent that was killed, a stopped service too", async () => {
  const root = await fakeRepository(join(folder.path, "repository"));
  const report = join(folder.path, "processes.json");
  const program = `
import { writeFileSync, renameSync } from "node:fs";
import { startOutrider } from ${JSON.stringify(join(import.meta.dirname, "outrider.ts"))};
const outrider = await startOutrider(${JSON.stringify({ services: ["one", "two"], dir: join(folder.path, "data"), root })});
outrider.kill("two", 1, "SIGSTOP");
writeFileSync("${report}.new", JSON.stringify(outrider.processes().map(({ pid }) => pid)));
renameSync("${report}.new", "${report}");
`;
  parent = spawn(process.execPath, [await write(join(root, "parent.ts"), program)], { stdio: "inherit" });
  const pids = await until("all are started", () => readPids(report), 60_000);
  expect(pids).toHaveLength(5);
  for (const pid of pids) expect(await isGone(pid)).toBe(false);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  for (const pid of pids) await until(`${pid} is gone`, () => isGone(pid), 5_000);
});

async function readPids(file: string): Promise<number[] | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as number[];
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

test("a program that does not heed SIGTERM is killed at the deadline, and what it said is kept", async () => {
  const log = join(folder.path, "stubborn.log");
  const stubborn = await startTethered("/bin/sh", ["-c", 'trap "" TERM; echo "not me"; while :; do sleep 0.1; done'], { log });
  await until("it speaks", () => stubborn.output().includes("not me"));
  expect(await stubborn.end(200)).toEqual({ code: null, signal: "SIGKILL" });
  expect(await isGone(stubborn.pid)).toBe(true);
  expect(await readFile(log, "utf8")).toBe("not me\n");
});

test("a program that is missing is told by its exit, not by an exception out of nowhere", async () => {
  const missing = await startTethered("/no/such/program", [], { log: join(folder.path, "missing.log") });
  expect((await missing.exited).code).toBe(127);
  expect(missing.output()).toContain("/no/such/program");
});

test.runIf(process.platform === "linux")(
  "a program that gives way is weighed less than others by Linux, whose sessions each have a share of their own",
  async () => {
    const program = ["-c", "echo ready; exec sleep 60"] as const;
    const ordinary = await startTethered("/bin/sh", program, { log: join(folder.path, "ordinary.log") });
    const yielding = await startTethered("/bin/sh", program, { log: join(folder.path, "yielding.log"), givesWay: true });
    await until("both run", () => yielding.output().includes("ready") && ordinary.output().includes("ready"));
    try {
      expect(await niceOf(yielding.pid)).toBe(Math.min(19, (await niceOf(ordinary.pid)) + 10));
      if (await hasSessionsWeighed()) expect(await weightOf(yielding.pid)).toBe("10");
    } finally {
      await Promise.all([ordinary.end(1000), yielding.end(1000)]);
    }
  },
);

const weightOf = async (pid: number): Promise<string | undefined> =>
  /nice (\d+)/.exec(await readFile(`/proc/${pid}/autogroup`, "utf8"))?.[1];

/** The nineteenth field of `stat`; the second may hold spaces, so it is counted from behind it. */
const niceOf = async (pid: number): Promise<number> => Number((await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ")[16]);

async function hasSessionsWeighed(): Promise<boolean> {
  try {
    return (await readFile("/proc/sys/kernel/sched_autogroup_enabled", "utf8")).trim() === "1";
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
