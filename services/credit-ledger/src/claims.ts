import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import { type AccountId, type ContactId, partitionOf } from "@outrider/contracts/ids";
import { checkedAtOnce } from "@outrider/contracts/ledger";
import { streams, subjects } from "@outrider/contracts/streams";
import { abreast, type Cause, jetStreamStore, type Recorded, type Schedules, Unfoldable } from "@outrider/eventing";
import { alarmsArmedMost, type LedgerConfig, names } from "./config.ts";
import { endedBy } from "./outcomes.ts";
import { type LedgerParts, tell } from "./reactions.ts";

type Alarms = ReturnType<typeof claimAlarms>;
/** What has become of a reservation: `ended`: at this sequence of the stream; the ledger may not have read so far yet. */
export type Claim = { readonly kind: "none" } | { readonly kind: "taken" } | { readonly kind: "ended"; readonly seq: number };

/** Reads out of a contact's whole history what it did with one reservation. */
export const claimOf = (history: readonly Pick<Recorded<ContactEvent>, "events" | "revision">[], reservation: string): Claim => {
  let claim: Claim = { kind: "none" };
  for (const { events, revision } of history) {
    for (const event of events) {
      const { type, data } = event;
      if ((type === "ContactRequested" || type === "ResendAsked") && data.reservation === reservation) claim = { kind: "taken" };
      if (endedBy(event) === reservation) claim = { kind: "ended", seq: revision };
    }
  }
  return claim;
};

/** One alarm for all requests of an account whose moments are close: a busy account does not cost a schedule per contact. */
export const claimAlarms = (
  { config: { LEDGER_CLAIM_GRACE_MS: grace } }: { readonly config: Pick<LedgerConfig, "LEDGER_CLAIM_GRACE_MS"> },
  scheduled: Pick<Schedules, "at">,
) => {
  const armed = new Map<AccountId, number>();
  return {
    /** `until`: the moment of one reservation, real time. */
    arm: async (account: AccountId, until: string, cause: Cause): Promise<void> => {
      const moment = Math.ceil((Date.parse(until) + grace) / grace);
      const when = new Date(moment * grace);
      if (armed.get(account) === moment && when.getTime() > Date.now()) return;
      await scheduled.at(names.claims, `${partitionOf(account)}.${account}.${moment}`, when, { account }, cause);
      armed.delete(account);
      armed.set(account, moment);
      const oldest = armed.keys().next();
      if (armed.size > alarmsArmedMost && !oldest.done) armed.delete(oldest.value);
    },
    /** A little later, whatever has been armed. */
    again: (account: AccountId, cause: Cause): Promise<void> =>
      scheduled.at(names.claims, `${partitionOf(account)}.${account}.again`, new Date(Date.now() + grace), { account }, cause),
  };
};

/**
 * Looks at the contacts of all requests whose moment is past, at the leader of their stream: nobody can ask for them any more, so what is not
 * there now never will be. A hold that nobody took is given back, also one that was taken anew for a contact which had ended before.
 */
export const lookInto = async (ledger: LedgerParts, account: AccountId, cause: Cause, alarms: Alarms): Promise<void> => {
  const { kernel, balances, config } = ledger;
  const { jsm, publisher } = kernel;
  const contacts = jetStreamStore({ jsm, publisher, stream: streams.sms.name, codec: contactCodec });
  const before = new Date(Date.now() - config.LEDGER_CLAIM_GRACE_MS).toISOString();
  const { state } = await balances.fold(subjects.balance(account));
  const position = state.positions.get(streams.sms.name) ?? 0;
  const overdue: { readonly reservation: string; readonly contact: ContactId }[] = [];
  for (const [reservation, { contact, until }] of state.open) {
    if (contact !== undefined && until !== undefined && until <= before) overdue.push({ reservation, contact });
    if (overdue.length === checkedAtOnce) break;
  }
  const found: { reservation: string; taken: boolean }[] = [];
  let unreadable = 0;
  await abreast(overdue, config.LEDGER_ACCOUNTS_AT_ONCE, async ({ reservation, contact }) => {
    const history = await contacts.tail(subjects.smsContact(account, contact), 0).catch((error: unknown) => {
      if (!(error instanceof Unfoldable) || error.kind === "newer") throw error;
      // Its price stays held until somebody has mended it: nobody can tell whether it was sent. The regular look comes back to it.
      kernel.instruments.log("error", "a contact cannot be read, and its price stays held", { account, contact, error });
      unreadable += 1;
    });
    if (history === undefined) return;
    const claim = claimOf(history, reservation);
    if (claim.kind === "ended" && claim.seq > position) return; // its outcome is on its way to the balance
    found.push({ reservation, taken: claim.kind === "taken" });
  });
  // More than fit, or some that could not be told: before the decision, so that a death in between leaves them no worse.
  if (found.length + unreadable < overdue.length || overdue.length === checkedAtOnce) await alarms.again(account, cause);
  if (found.length === 0) return;
  const checked = await balances.execute(subjects.balance(account), { type: "Check", before, found }, { ...cause, actor: names.actor });
  if (checked.kind === "appended") tell(kernel, account, checked.events);
};
