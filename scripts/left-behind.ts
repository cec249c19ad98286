import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface LeftBehind {
  readonly pid: number;
  readonly command: string;
}

/**
 * Processes that carry `mark` in their environment, ourselves apart. Servers of the tests are leaders of their own groups and may have
 * lost their parent: what they have inherited is all that still tells whose they are.
 */
export const marked = (mark: string): readonly LeftBehind[] => (existsSync("/proc/self/environ") ? markedInProc(mark) : markedInPs(mark));

const markedInProc = (mark: string): readonly LeftBehind[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .flatMap((pid) => {
      // Somebody else's, or gone since we looked: not ours in both cases.
      const environment = contentOf(`/proc/${pid}/environ`);
      if (!environment.split("\u0000").includes(mark)) return [];
      return [{ pid, command: contentOf(`/proc/${pid}/cmdline`).split("\u0000").join(" ").trim() }];
    });

const contentOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** Where there is no /proc: `ps` shows the environment behind the command. */
const markedInPs = (mark: string): readonly LeftBehind[] =>
  (spawnSync("ps", ["eww", "-axo", "pid=,command="], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 }).stdout ?? "")
    .split("\n")
    .filter((line) => line.split(" ").includes(mark))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim().replace(/^\d+\s+/, "") }))
    .filter(({ pid }) => pid !== process.pid);

/** Waits up to `graceMs` for marked processes to end by themselves, kills the rest, and answers whom it had to kill. */
export const endMarked = async (mark: string, graceMs: number): Promise<readonly LeftBehind[]> => {
  const deadline = performance.now() + graceMs;
  let left = marked(mark);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(100);
    left = marked(mark);
  }
  for (const { pid } of left) killIfThere(pid);
  return left;
};

const killIfThere = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
};
