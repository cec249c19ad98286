import { abreast, Unavailable } from "@outrider/eventing";
import { type AccountsWatch, isCaughtUp, lookRegularly, Refusal, type Service } from "@outrider/platform";
import { catchUp, type SchedulerParts } from "./beginning.ts";
import { lookedAtTogether, names, type SchedulerConfig } from "./config.ts";

/**
 * Schedules may have been lost, or armed by another clock: what every account wants is compared with what is armed, and a day that should
 * have begun meanwhile begins now.
 */
export const lookForMissed = (service: Service<SchedulerConfig>, parts: SchedulerParts, accounts: AccountsWatch): void =>
  lookRegularly(service, parts.kernel, names.lookForMissed, async (lease, stop) => {
    if (!(await isCaughtUp(accounts, stop))) return;
    let unavailable: unknown;
    await abreast(accounts.all(), lookedAtTogether, async ({ account }) => {
      if (lease.lost.aborted || stop.aborted) return;
      try {
        await catchUp(parts, account, { commandId: `look:${crypto.randomUUID()}`, at: parts.clock.now(), actor: names.actor });
      } catch (error) {
        if (error instanceof Unavailable || (error instanceof Refusal && error.slug === "unavailable")) unavailable = error;
        else service.log.warn({ account, error }, "a daily run could not be armed");
      }
    });
    // The others have had their turn: one day that cannot begin now keeps no other account from being armed.
    if (unavailable !== undefined) throw unavailable;
  });
