import { readFileSync, writeFileSync } from "node:fs";

/** Linux counts CPU time for `/proc` in hundredths of a second whatever the kernel's own clock. */
const ticksPerSecond = 100;

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // no /proc on this system, or the process is gone: the figure is left out
  }
};

/** Milliseconds of CPU that a process has used so far, all threads, user and system; undefined where nobody tells. */
export const cpuMsOf = (pid: number): number | undefined => {
  // The second field is the program's name in brackets and may hold spaces: count behind it.
  const fields = read(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ");
  const ticks = Number(fields?.[11]) + Number(fields?.[12]);
  return Number.isNaN(ticks) ? undefined : (ticks * 1000) / ticksPerSecond;
};

const megabytes = (pid: number, field: "VmRSS" | "VmHWM"): number | undefined => {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+)`).exec(read(`/proc/${pid}/status`) ?? "")?.[1];
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024);
};

export const rssOf = (pid: number): number | undefined => megabytes(pid, "VmRSS");
/** The highest since the process began, or since `forgetPeak`. */
export const peakRssOf = (pid: number): number | undefined => megabytes(pid, "VmHWM");

export const forgetPeak = (pid: number): void => {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // Not allowed here: the peak is then the one since the process began, which is higher and so never flatters.
    return;
  }
};

export interface Running {
  readonly name: string;
  readonly replica: number;
  readonly pid: number;
}

export interface Cost {
  readonly name: string;
  readonly cpuMs: number | undefined;
  readonly peakRssMb: number | undefined;
}

/** Begins to count what each process costs; the answer tells it so far. A process that was started again since is left out. */
export const countCosts = (processes: () => readonly Running[]): (() => readonly Cost[]) => {
  const before = new Map<number, number | undefined>();
  for (const { pid } of processes()) {
    forgetPeak(pid);
    before.set(pid, cpuMsOf(pid));
  }
  return () =>
    processes().map(({ name, replica, pid }) => {
      const [now, then] = [cpuMsOf(pid), before.get(pid)];
      return {
        name: replica === 1 ? name : `${name}-${replica}`,
        cpuMs: now === undefined || then === undefined ? undefined : now - then,
        peakRssMb: peakRssOf(pid),
      };
    });
};

export const totalCpuMs = (costs: readonly Cost[]): number | undefined =>
  costs.some(({ cpuMs }) => cpuMs === undefined) ? undefined : costs.reduce((sum, { cpuMs = 0 }) => sum + cpuMs, 0);

/**
 * Resolves when the processes together have used less than a tenth of a core in each of two seconds: nobody folds or writes any more. On a
 * machine that is starved by others this can be too early.
 */
export const untilQuiet = async (processes: () => readonly Running[], mostMs = 120_000): Promise<void> => {
  const deadline = performance.now() + mostMs;
  const used = (): number => processes().reduce((sum, { pid }) => sum + (cpuMsOf(pid) ?? 0), 0);
  for (let before = used(), quiet = 0; quiet < 2 && performance.now() < deadline; ) {
    await new Promise((resume) => setTimeout(resume, 1000));
    const now = used();
    quiet = now - before < 100 ? quiet + 1 : 0;
    before = now;
  }
};
