import { randomBytes } from "node:crypto";
import { hasNumberingPlan, lawfulWeekdays, offerToBuyNotice } from "@outrider/contact-policy";
import type { ProblemSlug } from "@outrider/contracts/commands";
import { type AccountId, systemAccount } from "@outrider/contracts/ids";
import { type AccountPolicyChange, type AccountPolicySettings, accountPolicy } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { subjects } from "@outrider/contracts/streams";
import { type CommandContext, type CommandHandler, handle, keyIds, Refusal } from "@outrider/platform";
import { Cron } from "croner";
import type { AccountCommand, AccountRefusal } from "./account.ts";
import { askedBy, type RegistryParts } from "./parts.ts";

const refusals = {
  "already-exists": { slug: "already-exists", sentence: "another account has this id" },
  "not-found": { slug: "not-found", sentence: "there is no such account" },
  reserved: { slug: "refused", sentence: "this id is reserved" },
  "unknown-key": { slug: "not-found", sentence: "the account has no such key" },
  "key-taken": { slug: "already-exists", sentence: "a key with this id exists or was revoked" },
  "last-admin-key": { slug: "refused", sentence: "this is the last key that may administer the account; add another one first" },
  "another-notice": {
    slug: "refused",
    sentence: "this is not the notice: read `offerToBuyNotice` of GET /v1/account, and confirm it with that very text",
  },
} as const satisfies Record<AccountRefusal, { slug: ProblemSlug; sentence: string }>;

/** A run on a day that is closed to everybody would contact nobody; one on any other day may. */
const policyFor = (country: string, named: AccountPolicyChange): AccountPolicySettings => {
  const runWeekdays = named.runWeekdays ?? lawfulWeekdays({ channel: "sms", purpose: "prospecting" }, country);
  return accountPolicy.parse(runWeekdays === undefined ? named : { ...named, runWeekdays });
};

/** A day that never begins would be noticed by nobody. @throws Refusal */
const refuseNever = ({ dailyRunCron: cron }: AccountPolicyChange): void => {
  if (cron !== undefined && !comesDue(cron)) {
    throw new Refusal(
      "invalid-request",
      `dailyRunCron is "${cron}", which never comes: write minute, hour, day, month and weekday, such as 0 9 * * *`,
      "bad-cron",
    );
  }
};

const comesDue = (cron: string): boolean => {
  if (cron.trim().split(/\s+/).length !== 5) return false;
  try {
    return new Cron(cron.trim(), { mode: "5-part", paused: true }).nextRun() !== null;
  } catch {
    return false; // croner throws for what it cannot read
  }
};

/** What is asked about accounts. */
export const accountHandlers = ({
  accounts,
  clock,
  keyring,
}: Pick<RegistryParts, "accounts" | "clock" | "keyring">): readonly CommandHandler[] => {
  const execute = async (account: AccountId, command: AccountCommand, context: CommandContext) => {
    const outcome = await accounts.execute(subjects.account(account), command, askedBy(context, clock.now()));
    if (outcome.kind !== "refused") return outcome;
    const { slug, sentence } = refusals[outcome.refusal];
    throw new Refusal(slug, sentence, outcome.refusal);
  };
  const change = async (account: AccountId, command: AccountCommand, context: CommandContext): Promise<{ seq: number }> => ({
    seq: (await execute(account, command, context)).revision,
  });
  const { createAccount, authenticate, addApiKey, revokeApiKey, connectProvider, disconnectProvider } = registryCommands;
  return [
    handle(createAccount, async ({ apiKey, policy, ...asked }, context) => {
      const { account, country } = asked;
      if (account === systemAccount) throw new Refusal("refused", refusals.reserved.sentence, "reserved");
      if (!hasNumberingPlan(country)) {
        throw new Refusal("invalid-request", `${country} is no country whose numbers can be read: write it as two letters, such as FR`);
      }
      refuseNever(policy);
      const founding = { ...asked, policy: policyFor(country, policy) };
      const secret = await keyring.seal(keyIds.account(account), randomBytes(32));
      const { kind, revision } = await execute(account, { type: "Create", founding, secret, apiKey }, context);
      return { account, created: kind === "appended", seq: revision };
    }),
    handle(authenticate, async ({ account, hash }) => {
      const { state } = await accounts.fold(subjects.account(account));
      const key = state.status === "open" ? state.keys.find((one) => one.hash === hash && !one.revoked) : undefined;
      if (key === undefined) throw new Refusal("unauthorised", "no such account and key");
      return { scopes: [...key.scopes] };
    }),
    handle(registryCommands.account, async ({ account }) => {
      const { state, revision } = await accounts.fold(subjects.account(account));
      if (state.status === "none") throw new Refusal("not-found", refusals["not-found"].sentence);
      const { name, timeZone, country, policy, paused, offerToBuyConfirmed: confirmed, providers } = state;
      const offerToBuyConfirmed = confirmed?.notice === offerToBuyNotice ? { by: confirmed.by, at: confirmed.at } : undefined;
      const known = { account, name, timeZone, country, policy, paused, offerToBuyConfirmed, revision };
      const live = state.keys.filter(({ revoked }) => !revoked).map(({ key, label, scopes }) => ({ key, label, scopes: [...scopes] }));
      return { ...known, offerToBuyNotice, providers: [...providers], keys: live };
    }),
    handle(addApiKey, ({ account, ...apiKey }, context) => change(account, { type: "AddApiKey", apiKey }, context)),
    handle(revokeApiKey, ({ account, key }, context) => change(account, { type: "RevokeApiKey", key }, context)),
    handle(connectProvider, ({ account, ...provider }, context) => change(account, { type: "ConnectProvider", ...provider }, context)),
    handle(disconnectProvider, ({ account, ...line }, context) => change(account, { type: "DisconnectProvider", ...line }, context)),
    handle(registryCommands.changePolicy, ({ account, policy }, context) => {
      refuseNever(policy);
      return change(account, { type: "ChangePolicy", change: policy }, context);
    }),
    handle(registryCommands.confirmOfferToBuy, ({ account, by, notice }, context) =>
      change(account, { type: "ConfirmOfferToBuy", by, notice, at: clock.now() }, context),
    ),
    handle(registryCommands.pause, ({ account, by }, context) => change(account, { type: "Pause", account, by }, context)),
    handle(registryCommands.resume, ({ account, by }, context) => change(account, { type: "Resume", account, by }, context)),
  ];
};
