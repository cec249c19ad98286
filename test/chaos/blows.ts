import type { Faults } from "@outrider/simulators";
import type { World } from "../world.ts";
import { eventually } from "../world.ts";

/** What was done to the run, with seconds since the beginning: printed when something does not hold. */
export interface BlowLog {
  readonly lines: readonly string[];
  readonly note: (line: string) => void;
}

export const blowLog = (tell: (line: string) => void = () => undefined): BlowLog => {
  const began = performance.now();
  const lines: string[] = [];
  return {
    lines,
    note: (what) => {
      const line = `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${what}`;
      lines.push(line);
      tell(line);
    },
  };
};

/** Longer than a lease of a follower (6 s), and longer than the time after which a message in hand goes to another replica (15 s). */
export const longerThanLease = 8_000;
export const longerThanAckWait = 17_000;

export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resume) => {
    if (signal?.aborted === true) return resume();
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resume();
    }
  });

/** Strikes processes of a world, never so that both replicas of a service are down. */
export interface Blows {
  readonly kill: (service: string, replica: number) => Promise<boolean>;
  /** SIGSTOP, and SIGCONT after `ms`. Resolves when it goes on. */
  readonly freeze: (service: string, replica: number, ms: number, signal?: AbortSignal) => Promise<boolean>;
  readonly restartNats: () => Promise<void>;
  readonly restartMongo: () => Promise<void>;
  readonly faults: (faults: Partial<Faults>) => Promise<void>;
  /** Wakes whoever is stopped, lifts all faults and waits until every service is ready. */
  readonly lift: () => Promise<void>;
}

const readyWithinMs = 120_000;

export const blowsOn = ({ outrider, sim }: World, { note }: BlowLog): Blows => {
  const down = new Map<string, number>();
  const frozen = new Set<() => void>();

  const isReady = async (service: string, replica: number): Promise<boolean> => {
    const found = outrider.services().find((each) => each.name === service && each.replica === replica);
    if (found === undefined) return false;
    try {
      return (await fetch(found.health, { signal: AbortSignal.timeout(2000) })).ok;
    } catch {
      return false; // just starting
    }
  };
  const untilReady = (service: string, replica: number): Promise<unknown> =>
    eventually(`${service} ${replica} is ready`, async () => ((await isReady(service, replica)) ? true : undefined), readyWithinMs);
  /** Takes the place of the one replica of a service that may be down. */
  const mayStrike = async (service: string, replica: number): Promise<boolean> => {
    if (down.has(service)) return false;
    down.set(service, replica);
    const others = outrider.services().filter((each) => each.name === service && each.replica !== replica);
    for (const other of others) {
      if (await isReady(service, other.replica)) continue;
      down.delete(service);
      return false;
    }
    return true;
  };
  const whenReadyAgain = (service: string, replica: number): void => {
    const forget = (): void => void down.delete(service);
    untilReady(service, replica).then(forget, () => note(`${service} ${replica} does not get ready again`));
  };
  const faults = async (wanted: Partial<Faults>): Promise<void> => {
    await sim.setFaults(wanted, "none");
    const named = Object.entries(wanted).filter(([name]) => name !== "sendingMs");
    note(`provider: ${named.map(([name, value]) => `${name} ${value}`).join(", ") || "no faults"}`);
  };
  return {
    faults,
    kill: async (service, replica) => {
      if (!(await mayStrike(service, replica))) return false;
      note(`kill -9 ${service} ${replica}`);
      outrider.kill(service, replica, "SIGKILL");
      whenReadyAgain(service, replica);
      return true;
    },
    freeze: async (service, replica, ms, signal) => {
      if (!(await mayStrike(service, replica))) return false;
      note(`SIGSTOP ${service} ${replica} for ${ms} ms`);
      const wake = (): void => {
        if (!frozen.delete(wake)) return;
        outrider.kill(service, replica, "SIGCONT");
        note(`SIGCONT ${service} ${replica}`);
        whenReadyAgain(service, replica);
      };
      frozen.add(wake);
      outrider.kill(service, replica, "SIGSTOP");
      await pause(ms, signal);
      wake();
      return true;
    },
    restartNats: async () => {
      note("kill -9 nats");
      await outrider.restartNats();
      note("nats runs again");
    },
    restartMongo: async () => {
      note("kill -9 mongodb");
      await outrider.restartMongo();
      note("mongodb runs again");
    },
    lift: async () => {
      for (const wake of frozen) wake();
      await faults({});
      await outrider.ready(readyWithinMs);
      note("all services are ready");
    },
  };
};
