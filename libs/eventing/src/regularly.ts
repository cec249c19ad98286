import { backOff, type Kernel, pauseFor } from "./kernel.ts";
import type { AcquireLease, Lease } from "./lease.ts";

export interface RegularOptions {
  /** Names the lease. */
  readonly name: string;
  readonly acquire: AcquireLease;
  readonly everyMs: number;
}

export interface Regular {
  /** Takes no further look and waits for the one under way. */
  readonly stop: () => Promise<void>;
}

/** A look that fails is tried again after this long at most, ms. */
const longestBackOffMs = 60_000;

/**
 * Looks at the start and then every `everyMs`, a little more or less, one replica at a time by a lease that is held for the look only: an
 * idle system writes nothing for it. A look that fails is logged and tried again; it must be safe to repeat, by other replicas too.
 */
export const regularly = (
  { stopping, instruments }: Pick<Kernel, "stopping" | "instruments">,
  { name, acquire, everyMs }: RegularOptions,
  look: (lease: Lease, stop: AbortSignal) => Promise<void>,
): Regular => {
  const stopped = new AbortController();
  const stop = AbortSignal.any([stopping, stopped.signal]);
  const once = async (): Promise<void> => {
    const lease = await acquire(`look.${name}`, stop);
    try {
      await look(lease, stop);
    } finally {
      await lease.release();
    }
  };
  const loop = (async () => {
    for (let failures = 0; !stop.aborted; ) {
      try {
        await once();
        failures = 0;
      } catch (error) {
        if (stop.aborted) return;
        failures++;
        instruments.count("outrider_looks_failed_total", { look: name });
        instruments.log("warn", "a look at what may be overdue failed and is tried again", { look: name, error });
      }
      // Replicas that were started together do not look together for ever.
      if (failures === 0) await pauseFor(everyMs * (0.9 + Math.random() / 5), stop);
      else await backOff(failures, stop, Math.min(longestBackOffMs, everyMs));
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
};

/** Works through `items` with at most `width` at the same time; the first failure ends it. */
export const abreast = async <T>(items: Iterable<T>, width: number, work: (item: T) => Promise<void>): Promise<void> => {
  const rest = items[Symbol.iterator]();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true && !failed; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
};
