import type { Kernel } from "./kernel.ts";

/** Several reasons of one reader for not being ready, told under one key; ready when none is left. */
export const reasonsOf = <Reason extends string>(kernel: Pick<Kernel, "ready">, key: string) => {
  const reasons = new Map<Reason, string>();
  const timers = new Map<Reason, NodeJS.Timeout>();
  let told: string | undefined;
  const set = (reason: Reason, why: string | undefined): void => {
    if (why === undefined) reasons.delete(reason);
    else reasons.set(reason, why);
    const first = reasons.values().next();
    const now = first.done ? undefined : first.value;
    if (now === told) return;
    told = now;
    kernel.ready(key, now);
  };
  return {
    set,
    /** Holds until it has not been said for `ms`. */
    setFor: (reason: Reason, why: string, ms: number): void => {
      set(reason, why);
      clearTimeout(timers.get(reason));
      timers.set(reason, setTimeout(() => set(reason, undefined), ms).unref());
    },
    close: (): void => {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
};
