import type { Output } from "../output.ts";

/** Thrown by `happened` when somebody wants this process to end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Interrupts extends Disposable {
  /** Rejects at the first Ctrl-C, SIGTERM or SIGHUP; never resolves. */
  readonly happened: Promise<never>;
}

const impatientAfterMs = 1_000;

/** The first signal ends things in order; another one, a second later or more, ends this process, and all else with it. */
export const interruptsOf = (output: Output): Interrupts => {
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
  return {
    happened,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
};
