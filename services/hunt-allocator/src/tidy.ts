import { pauseFor } from "@outrider/eventing";
import type { Service } from "@outrider/platform";
import type { Candidates } from "./candidates.ts";
import type { AllocatorConfig } from "./config.ts";

const dayMs = 86_400_000;
const retryMs = 2000;

/** Makes the indexes, and from time to time drops what nobody will look up any more, so that the look-ups stay bounded. */
export const keepTidy = (
  { clock, log, stopping }: Pick<Service<AllocatorConfig>, "clock" | "log" | "stopping">,
  candidates: Pick<Candidates, "ensureIndexes" | "dropOld">,
  { keepDays, everyMs }: { readonly keepDays: number; readonly everyMs: number },
): void => {
  void (async () => {
    while (!stopping.aborted) {
      try {
        await candidates.ensureIndexes();
        const dropped = await candidates.dropOld(clock.nowMs() - keepDays * dayMs);
        if (dropped > 0) log.info({ dropped }, "look-ups of long ago were dropped");
        await pauseFor(everyMs, stopping);
      } catch (error) {
        log.debug({ error }, "the look-ups cannot be tidied now");
        await pauseFor(retryMs, stopping);
      }
    }
  })();
};
