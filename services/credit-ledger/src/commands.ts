import { type AccountId, hashId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { subjects } from "@outrider/contracts/streams";
import { type Clock, type CommandContext, type CommandHandler, handle, Refusal } from "@outrider/platform";
import type { BalanceCommand, BalanceRefusal } from "./balance.ts";
import type { LedgerConfig } from "./config.ts";
import type { Balances } from "./reactions.ts";

const sentences = {
  "no-credits": "there are not enough credits left to hold any",
  "reservation-too-old": "this reservation is over; a later pass has its own",
  "not-expired-yet": "the grant has not expired yet",
  "expired-already": "credits that expire at this time would be gone at once; name a time that has not passed",
} as const satisfies Record<BalanceRefusal, string>;

/** What others ask of the ledger. */
export const commands = (
  balances: Pick<Balances, "execute" | "fold">,
  clock: Pick<Clock, "now" | "realNowMs">,
  { LEDGER_CLAIM_MS: claimMs }: Pick<LedgerConfig, "LEDGER_CLAIM_MS">,
): readonly CommandHandler[] => {
  const execute = async (account: AccountId, command: BalanceCommand, commandId: string, context: CommandContext) => {
    const { correlation, causation, actor, traceparent, deadlineAt } = context;
    const outcome = await balances.execute(subjects.balance(account), command, {
      ...{ commandId, at: clock.now(), correlation, causation, actor, traceparent },
      deadline: performance.now() + (deadlineAt - Date.now()),
    });
    if (outcome.kind === "refused") throw new Refusal("refused", sentences[outcome.refusal], outcome.refusal);
    return outcome; // its state must be read before anything else is awaited
  };
  return [
    handle(ledgerCommands.grant, async ({ account, grant, credits, by, expiresAt, note }, context) => {
      const { revision, state, events } = await execute(
        account,
        { type: "Grant", grant, credits, by, expiresAt, now: clock.now(), note },
        context.commandId,
        context,
      );
      return { seq: revision, available: state.available, added: events.length > 0 };
    }),
    handle(ledgerCommands.reserve, async ({ account, reservation, number, most, atLeast, purpose, contact }, context) => {
      // Known by what is open in the balance, never by the command's id: one that was settled or given back is not held any more.
      const commandId = `reserve:${hashId(reservation, crypto.randomUUID())}`;
      const awaits = contact === undefined ? undefined : { contact, until: new Date(clock.realNowMs() + claimMs).toISOString() };
      const outcome = await execute(account, { type: "Reserve", reservation, number, most, atLeast, purpose, awaits }, commandId, context);
      const hold = outcome.state.open.get(reservation);
      if (hold === undefined) throw new Refusal("refused", sentences["reservation-too-old"], "reservation-too-old");
      return { reservation, credits: hold.credits, ...(hold.until === undefined ? {} : { until: hold.until }) };
    }),
    handle(ledgerCommands.balance, async ({ account }) => {
      const { state, revision } = await balances.fold(subjects.balance(account));
      const { granted, expired, captured, released, refunded, held, available, positions } = state;
      return { granted, expired, captured, released, refunded, held, available, positions: Object.fromEntries(positions), revision };
    }),
  ];
};
