import type { AccountId } from "@outrider/contracts/ids";
import { type CommandContext, Refusal } from "@outrider/platform";
import type { Candidates } from "./candidates.ts";
import { lookUpWaitMs } from "./config.ts";
import { type Hunt, type HuntCommand, hunts } from "./hunt.ts";
import type { Looking } from "./looking.ts";

export interface ActiveHuntsTools {
  readonly candidates: Pick<Candidates, "countActive">;
  readonly looking: Pick<Looking, "ownUpTo">;
  /** Sequence of the last message of our own stream. */
  readonly ownLast: () => Promise<number>;
  readonly mostActiveHunts: number;
}

/** So close to the limit the look-up must be up to date; further away, what it has not folded yet does not matter. */
const nearMost = 50;

/** Whether the command would bring this hunt among the active ones. */
export const activates = (state: Hunt, command: HuntCommand): boolean => {
  const decision = hunts.decide(state, command);
  return decision.accepted && decision.events.some(({ type }) => type === "HuntActivated" || type === "HuntResumed");
};

/**
 * A pass opens with all active hunts in one message, and closes with what each has come to in another: an account has a bounded number of
 * them. Activations at the very same moment may end a little above it. Throws `Refusal` and `Unavailable`.
 */
export const refuseTooMany = async (
  { candidates, looking, ownLast, mostActiveHunts }: ActiveHuntsTools,
  account: AccountId,
  { deadlineAt }: Pick<CommandContext, "deadlineAt">,
): Promise<void> => {
  let active = await candidates.countActive(account);
  if (active + nearMost >= mostActiveHunts) {
    await looking.ownUpTo(await ownLast(), Math.min(lookUpWaitMs, deadlineAt - Date.now()));
    active = await candidates.countActive(account);
  }
  if (active < mostActiveHunts) return;
  const words = `the account has ${active} active hunts and may have ${mostActiveHunts} (ACCOUNT_MOST_ACTIVE_HUNTS): pause or archive one, or let one hunt look for more`;
  throw new Refusal("refused", words, "too-many-active-hunts");
};
