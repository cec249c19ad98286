import type { AccountId } from "@outrider/contracts/ids";
import { type CommandContext, Refusal } from "@outrider/platform";
import type { Candidates } from "./candidates.ts";
import { lookUpWaitMs, rememberedAccounts } from "./config.ts";
import { type Hunt, type HuntCommand, hunts } from "./hunt.ts";
import type { Looking } from "./looking.ts";

export interface ActiveHuntsTools {
  readonly candidates: Pick<Candidates, "countActive">;
  readonly looking: Pick<Looking, "ownUpTo">;
  /** Sequence of the last message of our own stream. */
  readonly ownLast: () => Promise<number>;
  readonly mostActiveHunts: number;
}

/** A change of a hunt that may bring it among the active ones. */
export interface Activation<Result> {
  /** Asked when its turn has come: somebody may have activated the hunt meanwhile, and then nothing is counted. */
  readonly activates: () => Promise<boolean>;
  readonly append: () => Promise<Result>;
}

export interface ActiveHunts {
  /** Appends when the account may have one more. Throws `Refusal` and `Unavailable`. */
  readonly activate: <Result>(
    account: AccountId,
    context: Pick<CommandContext, "deadlineAt">,
    activation: Activation<Result>,
  ) => Promise<Result>;
}

/** Whether the command would bring this hunt among the active ones. */
export const activates = (state: Hunt, command: HuntCommand): boolean => {
  const decision = hunts.decide(state, command);
  return decision.accepted && decision.events.some(({ type }) => type === "HuntActivated" || type === "HuntResumed");
};

/** What this replica knows of an account's activations; they come one after another. */
interface Turns {
  /** Appended here since the look-up was last known to be up to date; undefined: not known. */
  unseen: number | undefined;
  last: Promise<void>;
  waiting: number;
}

/**
 * A pass opens with all active hunts in one message, and closes with what each has come to in another: an account has a bounded number of
 * them. The look-up is behind what was just appended, so a replica counts its own appends until it has looked again, which it does before it has
 * used half of what is left: the other half is for what others append meanwhile.
 */
export const activeHunts = (tools: ActiveHuntsTools): ActiveHunts => {
  const turnsOf = rememberedTurns();
  return {
    activate: async (account, context, { activates, append }) => {
      const turns = turnsOf(account);
      return await inTurn(turns, async () => {
        if (await activates()) {
          await refuseTooMany(tools, account, turns, context);
          turns.unseen = (turns.unseen ?? 0) + 1; // an append that gives no answer may be there all the same
        }
        return await append();
      });
    },
  };
};

/** Those of the accounts that were used last. One that may have been forgotten is looked up; one in which somebody waits never is. */
const rememberedTurns = (): ((account: AccountId) => Turns) => {
  const accounts = new Map<AccountId, Turns>();
  let forgotten = false;
  return (account) => {
    const turns = accounts.get(account) ?? { unseen: forgotten ? undefined : 0, last: Promise.resolve(), waiting: 0 };
    accounts.delete(account);
    accounts.set(account, turns);
    if (accounts.size > rememberedAccounts) {
      const idle = accounts.entries().find(([id, { waiting }]) => waiting === 0 && id !== account);
      if (idle !== undefined) forgotten = accounts.delete(idle[0]);
    }
    return turns;
  };
};

const inTurn = async <Result>(turns: Turns, work: () => Promise<Result>): Promise<Result> => {
  const before = turns.last;
  const ended = Promise.withResolvers<void>();
  turns.last = ended.promise;
  turns.waiting++;
  try {
    await before;
    return await work();
  } finally {
    turns.waiting--;
    ended.resolve();
  }
};

const refuseTooMany = async (
  { candidates, looking, ownLast, mostActiveHunts }: ActiveHuntsTools,
  account: AccountId,
  turns: Turns,
  { deadlineAt }: Pick<CommandContext, "deadlineAt">,
): Promise<void> => {
  let active = await candidates.countActive(account);
  if (turns.unseen === undefined || active + 2 * turns.unseen >= mostActiveHunts) {
    await looking.ownUpTo(await ownLast(), Math.min(lookUpWaitMs, deadlineAt - Date.now()));
    turns.unseen = 0;
    active = await candidates.countActive(account);
  }
  if (active < mostActiveHunts) return;
  const words = `the account has ${active} active hunts and may have ${mostActiveHunts} (ACCOUNT_MOST_ACTIVE_HUNTS): pause or archive one, or let one hunt look for more`;
  throw new Refusal("refused", words, "too-many-active-hunts");
};
