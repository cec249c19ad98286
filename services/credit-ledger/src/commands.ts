import { type AccountId, hashId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { subjects } from "@outrider/contracts/streams";
import { type CommandContext, type CommandHandler, handle, Refusal } from "@outrider/platform";
import type { BalanceCommand, BalanceRefusal } from "./balance.ts";
import type { Balances } from "./reactions.ts";

const sentences = {
  "no-credits": "there are not enough credits left to hold any",
  "reservation-too-old": "this reservation is over; a later pass has its own",
  "not-expired-yet": "the grant has not expired yet",
} as const satisfies Record<BalanceRefusal, string>;

/** What others ask of the ledger. */
export const commands = (balances: Balances, clock: { readonly now: () => string }): readonly CommandHandler[] => {
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
      const { revision, state } = await execute(
        account,
        { type: "Grant", grant, credits, by, expiresAt, note },
        context.commandId,
        context,
      );
      return { seq: revision, available: state.available };
    }),
    handle(ledgerCommands.reserve, async ({ account, reservation, number, most, atLeast, purpose }, context) => {
      // Known by the reservation itself: a caller that starts again gets what it was given before.
      const commandId = `reserve:${hashId(reservation)}`;
      const outcome = await execute(account, { type: "Reserve", reservation, number, most, atLeast, purpose }, commandId, context);
      const event = outcome.events.find(({ type }) => type === "CreditsReserved");
      const recorded = event?.type === "CreditsReserved" ? event.data : undefined;
      const hold = outcome.state.open.get(reservation);
      // A request asked for again after it was settled learns what it was given; a pass that is over must not take itself for funded.
      const credits = hold?.credits ?? (recorded?.purpose === "request" ? recorded.credits : undefined);
      if (credits === undefined) throw new Refusal("refused", sentences["reservation-too-old"], "reservation-too-old");
      return { reservation, credits };
    }),
    handle(ledgerCommands.balance, async ({ account }) => {
      const { state, revision } = await balances.fold(subjects.balance(account));
      const { granted, expired, captured, released, refunded, held, available, positions } = state;
      return { granted, expired, captured, released, refunded, held, available, positions: Object.fromEntries(positions), revision };
    }),
  ];
};
