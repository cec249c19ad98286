import type { AccountPolicy } from "@outrider/contact-policy";
import type { AccountId, PersonId } from "@outrider/contracts/ids";
import type { PermitRequest } from "@outrider/contracts/registry";
import { type PermitAnswer, registryCommands } from "@outrider/contracts/registry-commands";
import { subjects } from "@outrider/contracts/streams";
import { Unavailable } from "@outrider/eventing";
import { type CommandContext, type CommandHandler, handle, type KnownAccount, Refusal } from "@outrider/platform";
import { askedBy, type RegistryParts } from "./parts.ts";
import { verdictOn } from "./person.ts";

type Needs = Pick<RegistryParts, "kernel" | "persons" | "watched" | "clock" | "config">;

interface PermitQuestion {
  readonly account: AccountId;
  readonly person: PersonId;
  readonly request: PermitRequest;
}

const resume = {
  everything: "Everything is paused: resume it.",
  account: "The account is paused: resume it.",
  hunt: "The hunt is paused or archived: resume it.",
} as const;

/** What the gate must know of an account. */
export const policyOf = (account: KnownAccount, paused: boolean, sandbox: boolean): AccountPolicy => ({
  recontactAfterDays: account.policy.recontactAfterDays,
  offerToBuyConfirmed: account.offerToBuyConfirmed,
  paused,
  sandbox,
});

/** What this replica knows of the account. Throws `Unavailable` while it does not know what is paused, and the refusal `not-found`. */
export const watchedAccount = ({ watched }: Pick<Needs, "watched">, account: KnownAccount["account"]): KnownAccount => {
  if (!watched.isCurrent()) throw new Unavailable("registry does not know now what is paused");
  const known = watched.account(account);
  if (known === undefined) throw new Refusal("not-found", "there is no such account");
  return known;
};

/** Asked at every attempt: the person's own aggregate counts it, and the gate says yes or no, each time anew. */
export const permitHandler = (needs: Needs): CommandHandler => {
  const { kernel, persons, watched, clock, config } = needs;
  const sandbox = config.OUTRIDER_PROVIDERS === "sandbox";
  const decide = async ({ account, person, request }: PermitQuestion, context: CommandContext): Promise<PermitAnswer> => {
    const known = watchedAccount(needs, account);
    const pausedBy = watched.pausedBy(account, request.hunt);
    const policy = policyOf(known, pausedBy !== undefined, sandbox);
    const now = clock.now();
    const ask = { type: "AskPermit", request, policy, now } as const;
    // The state is read before anything else is awaited: it belongs to the next execution after that.
    const { state } = await persons.execute(subjects.person(account, person), ask, askedBy(context, now));
    if (state.status === "unknown") throw new Refusal("not-found", "there is no such person", "unknown-person");
    const verdict = verdictOn(state, request, policy, now);
    if (verdict.kind === "allowed") {
      const { contact, attempt } = request;
      const isCounted = state.attempts.some((one) => one.contact === contact && one.attempt === attempt);
      if (!isCounted) throw new Unavailable("the person has moved on while the permit was decided: ask again");
      return { kind: "permitted", number: state.number };
    }
    const { rule, remedy } = verdict;
    if (verdict.kind === "deferred") return { kind: "deferred", until: verdict.until, rule, remedy };
    return { kind: "denied", rule, remedy: rule === "paused" && pausedBy !== undefined ? resume[pausedBy] : remedy };
  };
  return handle(registryCommands.permit, async (question, context) => {
    const answer = await decide(question, context);
    const rule = answer.kind === "permitted" ? "none" : answer.rule;
    kernel.instruments.count("outrider_permits_total", { answer: answer.kind, rule });
    return answer;
  });
};
