import { codecOf } from "@outrider/contracts/define";
import { type HuntEvent, huntsCodec, type RunEvent } from "@outrider/contracts/hunts";
import { type AccountId, type HuntId, systemAccount } from "@outrider/contracts/ids";
import { type AccountEvent, type AccountPolicySettings, accountEvents } from "@outrider/contracts/registry";
import { parseSubject, streams } from "@outrider/contracts/streams";
import { type Followed, type Kernel, unreachable, watch } from "@outrider/eventing";

/** An account as every replica keeps it in memory. */
export interface KnownAccount {
  readonly account: AccountId;
  name: string;
  timeZone: string;
  country: string;
  policy: AccountPolicySettings;
  paused: boolean;
  offerToBuyConfirmed?: { readonly by: string; readonly at: string; readonly notice: string };
  readonly providers: Map<string, Extract<AccountEvent, { type: "ProviderConnected" }>["data"]>;
}

export interface AccountsWatch {
  /** Resolves when all accounts and pauses that there were at the start are known. Not ready before. */
  readonly caughtUp: Promise<void>;
  /** False while what is remembered may be old: then nobody knows what is paused, and nothing may leave. */
  readonly isCurrent: () => boolean;
  readonly account: (account: AccountId) => KnownAccount | undefined;
  readonly all: () => Iterable<KnownAccount>;
  /** What has been paused that this hunt belongs to, from the widest on. */
  readonly pausedBy: (account: AccountId, hunt?: HuntId) => "everything" | "account" | "hunt" | undefined;
  readonly stop: () => Promise<void>;
}

const accountsCodec = codecOf(accountEvents);

/** Waits until all accounts are known: true; false when `stop` comes before, as it may while NATS is away. */
export const isCaughtUp = async ({ caughtUp }: Pick<AccountsWatch, "caughtUp">, stop: AbortSignal): Promise<boolean> => {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const onStop = (): void => resolve();
  stop.addEventListener("abort", onStop, { once: true });
  if (!stop.aborted) await Promise.race([caughtUp, stopped]);
  stop.removeEventListener("abort", onStop);
  return !stop.aborted;
};

/** What is watched, and as what readiness names it. Nothing of it is stored. */
const watched = {
  accounts: { name: "accounts", stream: streams.registry.name, filters: ["registry.account.>"], codec: accountsCodec },
  pausedHunts: { name: "paused-hunts", stream: streams.hunts.name, filters: ["hunts.hunt.>"], codec: huntsCodec },
} as const;

/** Accounts, and the pauses of everything, accounts and hunts, current within moments in every replica. */
export const watchAccounts = (kernel: Kernel): AccountsWatch => {
  const accounts = new Map<string, KnownAccount>();
  const pausedHunts = new Set<string>();
  let everythingPaused = false;

  const takeAccount = (message: Followed<AccountEvent>): void => {
    const id = parseSubject(message.subject)?.account;
    for (const event of message.events) {
      if (id === systemAccount) {
        if (event.type === "AccountPaused") everythingPaused = true;
        if (event.type === "AccountResumed") everythingPaused = false;
      } else if (id !== undefined) foldAccount(accounts, id, event);
    }
  };
  const takeHunt = (message: Followed<HuntEvent | RunEvent>): void => {
    const at = parseSubject(message.subject);
    const key = `${at?.account}.${at?.id}`;
    for (const { type } of message.events) {
      if (type === "HuntPaused" || type === "HuntArchived") pausedHunts.add(key);
      if (type === "HuntResumed" || type === "HuntActivated") pausedHunts.delete(key);
    }
  };
  const registry = watch(kernel, watched.accounts, takeAccount);
  const hunts = watch(kernel, watched.pausedHunts, takeHunt);

  return {
    caughtUp: Promise.all([registry.caughtUp, hunts.caughtUp]).then(() => undefined),
    isCurrent: () => registry.current() && hunts.current(),
    account: (account) => accounts.get(account),
    all: () => accounts.values(),
    pausedBy: (account, hunt) => {
      if (everythingPaused) return "everything";
      if (accounts.get(account)?.paused === true) return "account";
      return hunt !== undefined && pausedHunts.has(`${account}.${hunt}`) ? "hunt" : undefined;
    },
    stop: async () => {
      await Promise.all([registry.stop(), hunts.stop()]);
    },
  };
};

const foldAccount = (accounts: Map<string, KnownAccount>, id: string, { type, data }: AccountEvent): void => {
  if (type === "AccountCreated") {
    const { account, name, timeZone, country, policy } = data;
    accounts.set(id, { account, name, timeZone, country, policy, paused: false, providers: new Map() });
    return;
  }
  const known = accounts.get(id);
  if (known === undefined) return;
  switch (type) {
    case "ApiKeyAdded":
    case "ApiKeyRevoked":
      return;
    case "ProviderConnected":
      known.providers.set(data.line, data);
      return;
    case "ProviderDisconnected":
      known.providers.delete(data.line);
      return;
    case "AccountPolicyChanged":
      known.policy = data.policy;
      return;
    case "OfferToBuyConfirmed":
      known.offerToBuyConfirmed = data;
      return;
    case "AccountPaused":
      known.paused = true;
      return;
    case "AccountResumed":
      known.paused = false;
      return;
    default:
      unreachable(type);
  }
};
