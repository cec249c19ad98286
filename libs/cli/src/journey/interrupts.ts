import type { Output } from "../output.ts";

/** Thrown by `happened` when somebody wants this process to end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Interrupts extends Disposable {
  /** Rejects at the first Ctrl-C, SIGTERM or SIGHUP, or when the npm that started this process is gone; never resolves. */
  readonly happened: Promise<never>;
}

const impatientAfterMs = 1_000;
const lookEveryMs = 500;

/** npm, npx or a shell of theirs stands between whoever started us and us: killed, it takes the signal that was meant for us with it. */
const whenParentIsGone = (env: NodeJS.ProcessEnv, tell: () => void): NodeJS.Timeout | undefined => {
  if (env["npm_lifecycle_event"] === undefined) return undefined; // who was started with nohup, or by a shell, may outlive it
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    tell();
  }, lookEveryMs);
  return timer.unref();
};

/** The first signal ends things in order; another one, a second later or more, ends this process, and all else with it. */
export const interruptsOf = (output: Pick<Output, "say">, env = process.env): Interrupts => {
  const { promise: happened, reject } = Promise.withResolvers<never>();
  happened.catch(() => undefined); // whoever waits for it hears of it
  let first: number | undefined;
  const onSignal = (): void => {
    if (first === undefined) {
      first = performance.now();
      output.say("stopping …");
      reject(new Interrupted("interrupted"));
    } else if (performance.now() - first > impatientAfterMs) process.exit(130);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const watch = whenParentIsGone(env, onSignal);
  return {
    happened,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
      clearInterval(watch);
    },
  };
};
