import { type AccountId, accountId, hashId, partitionOf } from "@outrider/contracts/ids";
import { ledgerCodec } from "@outrider/contracts/ledger";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { type Cause, done, dueCodec, dueOptions, impossible, type Reaction, react, schedules } from "@outrider/eventing";
import { z } from "zod";
import { claimAlarms, lookInto } from "./claims.ts";
import { followed, names } from "./config.ts";
import { type LedgerParts, tell } from "./reactions.ts";

const dueGrant = z.object({ account: accountId, grant: z.string() });
const dueClaims = z.object({ account: accountId });

const armExpiry = ({ kernel, clock }: LedgerParts, account: AccountId, grant: string, expiresAt: string, cause: Cause): Promise<void> => {
  const key = `${partitionOf(account)}.${account}.${hashId(grant)}`;
  return schedules(kernel).at(names.expire, key, clock.toReal(expiresAt), { account, grant }, cause);
};

/** The balance decides: for a grant that is used up, nothing happens. */
export const expire = async (ledger: LedgerParts, account: AccountId, grant: string, cause: Cause): Promise<void> => {
  const { balances, lowBelow, kernel } = ledger;
  const command = { type: "Expire", grant, now: cause.at, lowBelow: lowBelow(account) } as const;
  const expired = await balances.execute(subjects.balance(account), command, { ...cause, actor: names.actor });
  if (expired.kind === "appended") tell(kernel, account, expired.events);
  if (expired.kind !== "refused") return;
  const expiresAt = expired.state.expiring.get(grant)?.expiresAt;
  if (expiresAt !== undefined) await armExpiry(ledger, account, grant, expiresAt, cause); // the clock was set back since
};

/**
 * What a balance does when a moment comes: grants expire, and the price of a request that never became a contact is given back. The balance
 * decides at that time; an alarm for what is used up or settled changes nothing.
 */
export const alarms = (ledger: LedgerParts): readonly Reaction[] => {
  const { kernel, clock } = ledger;
  const scheduled = schedules(kernel);
  const claims = claimAlarms(ledger, scheduled);
  return [
    react(
      kernel,
      { stream: streams.ledger.name, durable: names.arm, filters: followed.balances, codec: ledgerCodec },
      async ({ subject, stream, revision, events, traceparent }) => {
        const account = accountId.parse(parseSubject(subject)?.account);
        const causation = `${stream}:${revision}`;
        const cause = { commandId: `${causation}:alarm`, at: clock.now(), causation, traceparent };
        for (const { type, data } of events) {
          if (type === "CreditsGranted" && data.expiresAt !== undefined)
            await armExpiry(ledger, account, data.grant, data.expiresAt, cause);
          if ((type === "CreditsReserved" || type === "ReservationProlonged") && data.until !== undefined)
            await claims.arm(account, data.until, cause);
        }
        return done;
      },
    ),
    react(kernel, { ...dueOptions(kernel.service, names.expire), codec: dueCodec }, async (message) => {
      const due = dueGrant.safeParse(message.events[0]?.data);
      if (!due.success) return impossible("the alarm does not name an account and a grant");
      const { account, grant } = due.data;
      const cause = {
        commandId: `expire:${hashId(grant)}:${message.revision}`,
        at: clock.now(),
        causation: `${message.stream}:${message.revision}`,
        traceparent: message.traceparent,
      };
      await expire(ledger, account, grant, cause);
      return done;
    }),
    react(kernel, { ...dueOptions(kernel.service, names.claims), codec: dueCodec }, async (message) => {
      const due = dueClaims.safeParse(message.events[0]?.data);
      if (!due.success) return impossible("the alarm does not name an account");
      const causation = `${message.stream}:${message.revision}`;
      const cause = { commandId: `claims:${message.revision}`, at: clock.now(), causation, traceparent: message.traceparent };
      await lookInto(ledger, due.data.account, cause, claims);
      return done;
    }),
  ];
};
