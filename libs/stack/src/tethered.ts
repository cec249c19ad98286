import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StackError } from "./stack-error.ts";

/**
 * Ends the program when our end of its standard input closes, which the kernel does even after `kill -9` of us. The watcher is a
 * child of the program and `exec` keeps the pid, so signals sent to that pid reach the real program. A line on the pipe means "it
 * has ended already": without it a pid that was given to somebody else could be hit. CONT is for a program that was stopped.
 */
const TETHER = `exec 9<&0 </dev/null; (exec >/dev/null 2>&1; read -r ended <&9 || { kill -TERM $$; kill -CONT $$; }) & exec 9<&-; exec "$@"`;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Tethered {
  readonly pid: number;
  /** Resolves when the program has ended, however. */
  readonly exited: Promise<Exit>;
  running(): boolean;
  /** What this run of the program has written so far, at most the last 16 KB. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `deadlineMs`; resolves when it is gone. */
  end(deadlineMs: number): Promise<Exit>;
}

export interface TetherOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Both outputs are appended here by the program itself, so that it never waits for us to read. */
  readonly log: string;
  /** For what people look at afterwards: it takes the processor time that sending leaves. */
  readonly givesWay?: boolean;
}

/**
 * Linux weighs sessions first, so `nice` alone would count only among the program's own threads. It takes one such weight in a tenth of a
 * second, from whoever on the machine comes first: hence the further tries.
 */
const GIVES_WAY = `if [ -w /proc/self/autogroup ]; then
  for wait in 0 0.11 0.13 0.17 0.19; do sleep $wait; echo 10 >/proc/self/autogroup && break; done
fi 2>/dev/null
exec nice -n 10 "$@"`;
const OUTPUT_BYTES = 16 * 1024;

/** Starts a program that ends with this process. It gets its own process group: Ctrl-C reaches only us, and we end all in order. */
export async function startTethered(command: string, args: readonly string[], options: TetherOptions): Promise<Tethered> {
  mkdirSync(dirname(options.log), { recursive: true });
  const log = openSync(options.log, "a");
  const from = statSync(options.log).size;
  const words = options.givesWay === true ? ["/bin/sh", "-c", GIVES_WAY, "sh", command, ...args] : [command, ...args];
  const child = spawn("/bin/sh", ["-c", TETHER, "sh", ...words], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
    stdio: ["pipe", log, log],
    detached: true,
  });
  closeSync(log);
  const leash = child.stdin;
  const exited = once(child, "exit").then(([code, signal]): Exit => {
    leash?.end("ended\n");
    return { code, signal };
  });
  leash?.on("error", () => {
    // The watcher went first: nothing is left to be told.
  });
  if (child.pid === undefined) {
    const reason = await exited.then(
      () => "it ended at once",
      (error: unknown) => String(error),
    );
    throw new StackError(
      "start-failed",
      `${command} could not be started (${reason}): check that /bin/sh works and that the process limit allows it.`,
    );
  }
  return handle(
    child.pid,
    exited,
    () => child.exitCode === null && child.signalCode === null,
    () => readFrom(options.log, from),
  );
}

function handle(pid: number, exited: Promise<Exit>, running: () => boolean, output: () => string): Tethered {
  const kill = (signal: NodeJS.Signals): void => {
    if (running()) signalIfThere(pid, signal);
  };
  const end = async (deadlineMs: number): Promise<Exit> => {
    kill("SIGTERM");
    kill("SIGCONT");
    const timer = new AbortController();
    const late = sleep(deadlineMs, "late" as const, { signal: timer.signal }).catch(() => "in time" as const);
    if ((await Promise.race([exited, late])) === "late") kill("SIGKILL");
    timer.abort();
    return exited;
  };
  return { pid, exited, running, output, kill, end };
}

/** Between our look and the signal the process may have gone; that is what was wanted. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function readFrom(file: string, from: number): string {
  const descriptor = openSync(file, "r");
  try {
    const size = statSync(file).size;
    const start = Math.max(Math.min(from, size), size - OUTPUT_BYTES);
    const buffer = Buffer.alloc(size - start);
    return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, start));
  } finally {
    closeSync(descriptor);
  }
}

/** The last `count` lines that say something. */
export function lastLines(text: string, count: number): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .join("\n");
}
