import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "./stack-error.ts";
import { lastLines, startTethered, type Tethered } from "./tethered.ts";

export interface Program {
  readonly name: string;
  /** From 1. */
  readonly replica: number;
  readonly script: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: string;
  readonly givesWay?: boolean;
}

export type ProgramEvent =
  | { readonly kind: "started"; readonly name: string; readonly replica: number; readonly pid: number; readonly restarts: number }
  | { readonly kind: "exited"; readonly name: string; readonly replica: number; readonly how: string; readonly restartInMs: number };

export interface Supervised {
  readonly program: Program;
  pid(): number | undefined;
  restarts(): number;
  /** How many times in a row it has ended by itself, with an exit code, soon after its start; a kill from outside does not count. */
  crashes(): number;
  /** Whether the last run ended with the code for what no further start can cure: wrong configuration, the data of another mode. */
  refuses(): boolean;
  /** How the last run ended, if one has. */
  lastExit(): string | undefined;
  /** What the present run, or the last one, has written lately. */
  output(): string;
  /** False when it is not running just now. */
  kill(signal: NodeJS.Signals): boolean;
  stop(deadlineMs: number): Promise<void>;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** Whoever has lived this long starts again without a penalty. */
const SETTLED_MS = 30_000;

/** What our services end with after one sentence about their configuration, or about data that they must not touch. */
const REFUSED = 2;

/** Runs a program and runs it again whenever it ends, after 250 ms, then twice as long each time up to 10 s, or 10 s after a refusal, until stopped. */
export function supervise(program: Program, tell: (event: ProgramEvent) => void): Supervised {
  const { name, replica } = program;
  const stopping = new AbortController();
  let current: Tethered | undefined;
  let restarts = 0;
  let crashes = 0;
  let refused = false;
  let ended: string | undefined;

  /** Answers how it ended. */
  const runOnce = async (): Promise<string> => {
    current = await startTethered(process.execPath, [program.script], program);
    if (stopping.signal.aborted) current.kill("SIGTERM");
    else tell({ kind: "started", name, replica, pid: current.pid, restarts });
    const { code, signal } = await current.exited;
    crashes = signal === null ? crashes + 1 : 0;
    refused = code === REFUSED;
    return signal === null ? `exit code ${code}` : signal;
  };

  const run = async (): Promise<void> => {
    let delay = FIRST_DELAY_MS;
    while (!stopping.signal.aborted) {
      const since = performance.now();
      ended = await runOnce().catch(messageOf);
      if (stopping.signal.aborted) return;
      if (performance.now() - since >= SETTLED_MS) {
        delay = FIRST_DELAY_MS;
        crashes = 0;
      }
      const restartInMs = refused ? LONGEST_DELAY_MS : delay;
      tell({ kind: "exited", name, replica, how: ended, restartInMs });
      await sleep(restartInMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      delay = Math.min(delay * 2, LONGEST_DELAY_MS);
      restarts += 1;
    }
  };

  const running = run();
  const isRunning = (): boolean => current?.running() ?? false;
  return {
    program,
    pid: () => (isRunning() ? current?.pid : undefined),
    restarts: () => restarts,
    crashes: () => crashes,
    refuses: () => refused,
    lastExit: () => ended,
    output: () => current?.output() ?? "",
    kill: (signal) => {
      if (!isRunning()) return false;
      current?.kill(signal);
      return true;
    },
    stop: async (deadlineMs) => {
      stopping.abort();
      await current?.end(deadlineMs);
      await running;
    },
  };
}

const LINE_CHARACTERS = 300;

/** What a program said last, for a person: the message and error of a log line in JSON, else the line itself. */
export function lastWords(output: string): string {
  const line = lastLines(output, 1);
  const entry = line.startsWith("{") ? parsed(line) : undefined;
  const message = textAt(entry, "message");
  if (message === undefined) return line.slice(0, LINE_CHARACTERS);
  const cause = textAt(fieldOf(entry, "error"), "message");
  return cause === undefined ? message : `${message}: ${cause}`;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Cut off in the middle of a line.
    return undefined;
  }
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;

function textAt(value: unknown, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === "string" ? text : undefined;
}
