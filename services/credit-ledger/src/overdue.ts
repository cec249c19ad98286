import { type AccountId, hashId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { abreast, schedules, Unavailable } from "@outrider/eventing";
import { type AccountsWatch, isCaughtUp, lookRegularly, type Service } from "@outrider/platform";
import { expire } from "./alarms.ts";
import { claimAlarms, lookInto } from "./claims.ts";
import { type LedgerConfig, lookedAtTogether, names } from "./config.ts";
import type { LedgerParts } from "./reactions.ts";

/**
 * Grants that should have expired, and prices held for requests that never became contacts, whose alarms were lost: what they are for is done
 * a little later. There is one balance per account, so the accounts name them all.
 */
export const lookForOverdue = (service: Service<LedgerConfig>, ledger: LedgerParts, accounts: AccountsWatch): void =>
  lookRegularly(service, ledger.kernel, names.lookForOverdue, async (lease, stop) => {
    if (!(await isCaughtUp(accounts, stop))) return;
    await abreast(accounts.all(), lookedAtTogether, async ({ account }) => {
      if (lease.lost.aborted || stop.aborted) return;
      try {
        await lookAt(ledger, account, service.config.OVERDUE_AFTER_MS);
      } catch (error) {
        if (error instanceof Unavailable) throw error;
        service.log.warn({ account, error }, "what may be overdue of a balance could not be done");
      }
    });
  });

const lookAt = async (ledger: LedgerParts, account: AccountId, lateMs: number): Promise<void> => {
  const { kernel, balances, clock, config } = ledger;
  const { state } = await balances.fold(subjects.balance(account));
  const expired = new Date(clock.nowMs() - lateMs).toISOString();
  const claimed = new Date(Date.now() - lateMs - config.LEDGER_CLAIM_GRACE_MS).toISOString();
  const grants = [...state.expiring].flatMap(([grant, { expiresAt }]) => (expiresAt <= expired ? [grant] : []));
  const claims = state.open.values().some(({ contact, until }) => contact !== undefined && until !== undefined && until <= claimed);
  for (const grant of grants) await expire(ledger, account, grant, { commandId: `overdue:${hashId(grant)}`, at: clock.now() });
  if (!claims) return;
  const cause = { commandId: `overdue-claims:${crypto.randomUUID()}`, at: clock.now() };
  await lookInto(ledger, account, cause, claimAlarms(ledger, schedules(kernel)));
};
