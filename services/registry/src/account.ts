import { offerToBuyNotice } from "@outrider/contact-policy";
import type { Sealed } from "@outrider/contracts/define";
import type { SmsProviderName } from "@outrider/contracts/fields";
import { type AccountId, type LineId, systemAccount } from "@outrider/contracts/ids";
import type { AccountEvent, AccountPolicySettings } from "@outrider/contracts/registry";
import { accept, type Decider, type Decision, refuse, unreachable } from "@outrider/eventing/decider";

export type Scope = "read" | "write" | "admin";

export interface ApiKey {
  readonly key: string;
  /** SHA-256, hex: the key itself is known to its holder alone. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  readonly label: string;
}

export interface Provider {
  readonly provider: SmsProviderName;
  readonly line: LineId;
  readonly credentials: Sealed;
}

/** What an account was created with: asked for again, it must be the same. */
export interface Founding {
  readonly account: AccountId;
  readonly name: string;
  readonly timeZone: string;
  readonly country: string;
  readonly policy: AccountPolicySettings;
}

export interface OpenAccount extends Founding {
  readonly status: "open";
  readonly secret: Sealed;
  readonly founding: Founding;
  /** Revoked keys stay known, so that none comes back. */
  readonly keys: readonly (ApiKey & { readonly revoked: boolean })[];
  readonly providers: readonly Provider[];
  readonly offerToBuyConfirmed?: { readonly by: string; readonly at: string; readonly notice: string };
  readonly paused: boolean;
}

/** `none`: never created. The reserved account `system` stays so, and can be paused all the same. */
export type Account = { readonly status: "none"; readonly paused: boolean } | OpenAccount;

export type AccountCommand =
  | { readonly type: "Create"; readonly founding: Founding; readonly secret: Sealed; readonly apiKey: ApiKey }
  | { readonly type: "AddApiKey"; readonly apiKey: ApiKey }
  | { readonly type: "RevokeApiKey"; readonly key: string }
  | ({ readonly type: "ConnectProvider" } & Provider)
  | { readonly type: "DisconnectProvider"; readonly provider: SmsProviderName; readonly line: LineId }
  | { readonly type: "ChangePolicy"; readonly change: Partial<Settings> }
  | { readonly type: "ConfirmOfferToBuy"; readonly by: string; readonly notice: string; readonly at: string }
  | { readonly type: "Pause"; readonly account: AccountId; readonly by: string }
  | { readonly type: "Resume"; readonly account: AccountId; readonly by: string };

type Settings = { readonly [Name in keyof AccountPolicySettings]: AccountPolicySettings[Name] | undefined };

export type AccountRefusal =
  | "already-exists"
  | "not-found"
  | "reserved"
  | "unknown-key"
  | "key-taken"
  | "last-admin-key"
  | "another-notice";

const initial = (): Account => ({ status: "none", paused: false });

const evolve = (state: Account, event: AccountEvent): Account => {
  if (event.type === "AccountCreated") return founded(event.data);
  if (event.type === "AccountPaused") return { ...state, paused: true };
  if (event.type === "AccountResumed") return { ...state, paused: false };
  if (state.status === "none") return state; // nothing else is ever decided before the creation
  switch (event.type) {
    case "ApiKeyAdded":
      return { ...state, keys: [...state.keys, { ...event.data, revoked: false }] };
    case "ApiKeyRevoked":
      return { ...state, keys: state.keys.map((key) => (key.key === event.data.key ? { ...key, revoked: true } : key)) };
    case "ProviderConnected":
      return { ...state, providers: withProvider(state, event.data) };
    case "ProviderDisconnected":
      return { ...state, providers: othersThan(state, event.data) };
    case "AccountPolicyChanged":
      return { ...state, policy: event.data.policy };
    case "OfferToBuyConfirmed":
      return { ...state, offerToBuyConfirmed: event.data };
    default:
      return unreachable(event);
  }
};

/** A line that is connected anew, with another key, keeps its place: the first one sends what names no line. */
const withProvider = (state: OpenAccount, provider: OpenAccount["providers"][number]): OpenAccount["providers"] =>
  state.providers.some((one) => isSameLine(one, provider))
    ? state.providers.map((one) => (isSameLine(one, provider) ? provider : one))
    : [...state.providers, provider];

const founded = ({ secret, ...founding }: Extract<AccountEvent, { type: "AccountCreated" }>["data"]): Account => ({
  ...founding,
  status: "open",
  secret,
  founding,
  keys: [],
  providers: [],
  paused: false,
});

const decide = (state: Account, command: AccountCommand): Decision<AccountEvent, AccountRefusal> => {
  switch (command.type) {
    case "Create":
      return create(state, command);
    case "Pause":
      if (state.status === "none" && command.account !== systemAccount) return refuse("not-found");
      return state.paused ? accept() : accept({ type: "AccountPaused", data: { by: command.by } });
    case "Resume":
      if (state.status === "none" && command.account !== systemAccount) return refuse("not-found");
      return state.paused ? accept({ type: "AccountResumed", data: { by: command.by } }) : accept();
    default:
      return state.status === "none" ? refuse("not-found") : decideOpen(state, command);
  }
};

type OfOpenAccount = Exclude<AccountCommand, { type: "Create" | "Pause" | "Resume" }>;

const decideOpen = (state: OpenAccount, command: OfOpenAccount): Decision<AccountEvent, AccountRefusal> => {
  switch (command.type) {
    case "AddApiKey":
      return addKey(state, command.apiKey);
    case "RevokeApiKey":
      return revokeKey(state, command.key);
    case "ConnectProvider": {
      const { type: _, ...provider } = command;
      const known = state.providers.find((one) => isSameLine(one, provider));
      return known !== undefined && same(known, provider) ? accept() : accept({ type: "ProviderConnected", data: provider });
    }
    case "DisconnectProvider":
      return state.providers.some((one) => isSameLine(one, command))
        ? accept({ type: "ProviderDisconnected", data: { provider: command.provider, line: command.line } })
        : accept();
    case "ChangePolicy": {
      const policy = changed(state.policy, command.change);
      return same(policy, state.policy) ? accept() : accept({ type: "AccountPolicyChanged", data: { policy } });
    }
    case "ConfirmOfferToBuy": {
      const { by, at, notice } = command;
      // What is recorded must be what was read.
      if (notice !== offerToBuyNotice) return refuse("another-notice");
      const isConfirmed = state.offerToBuyConfirmed?.notice === notice;
      return isConfirmed ? accept() : accept({ type: "OfferToBuyConfirmed", data: { by, at, notice } });
    }
    default:
      return unreachable(command);
  }
};

/** The first execution settles the secret; a repeat brings another one, which is not looked at. */
const create = (
  state: Account,
  { founding, secret, apiKey }: Extract<AccountCommand, { type: "Create" }>,
): Decision<AccountEvent, AccountRefusal> => {
  if (founding.account === systemAccount) return refuse("reserved");
  if (state.status === "none") {
    return accept({ type: "AccountCreated", data: { ...founding, secret } }, { type: "ApiKeyAdded", data: keyData(apiKey) });
  }
  const isSame = same(state.founding, founding) && state.keys.some(({ key, hash }) => key === apiKey.key && hash === apiKey.hash);
  return isSame ? accept() : refuse("already-exists");
};

const addKey = (state: OpenAccount, apiKey: ApiKey): Decision<AccountEvent, AccountRefusal> => {
  const known = state.keys.find(({ key }) => key === apiKey.key);
  if (known === undefined) return accept({ type: "ApiKeyAdded", data: keyData(apiKey) });
  return known.hash === apiKey.hash && !known.revoked ? accept() : refuse("key-taken");
};

/** Somebody must be able to get in and make another key. */
const revokeKey = (state: OpenAccount, id: string): Decision<AccountEvent, AccountRefusal> => {
  const key = state.keys.find((one) => one.key === id);
  if (key === undefined) return refuse("unknown-key");
  if (key.revoked) return accept();
  const admins = state.keys.filter(({ revoked, scopes }) => !revoked && scopes.includes("admin"));
  if (admins.length === 1 && admins[0]?.key === id) return refuse("last-admin-key");
  return accept({ type: "ApiKeyRevoked", data: { key: id } });
};

const keyData = ({ key, hash, scopes, label }: ApiKey) => ({ key, hash, scopes: [...scopes], label });

const changed = (policy: AccountPolicySettings, change: Partial<Settings>): AccountPolicySettings => ({
  dailyLimit: change.dailyLimit === undefined ? policy.dailyLimit : change.dailyLimit,
  recontactAfterDays: change.recontactAfterDays ?? policy.recontactAfterDays,
  dailyRunCron: change.dailyRunCron ?? policy.dailyRunCron,
  dailyRunEnabled: change.dailyRunEnabled ?? policy.dailyRunEnabled,
  runWeekdays: change.runWeekdays === undefined ? policy.runWeekdays : eachOnce(change.runWeekdays),
  lowBalanceBelow: change.lowBalanceBelow === undefined ? policy.lowBalanceBelow : change.lowBalanceBelow,
});

const eachOnce = (days: readonly number[]): number[] => [...new Set(days)].sort((one, other) => one - other);

type Line = Pick<Provider, "provider" | "line">;
const isSameLine = (one: Line, other: Line): boolean => one.provider === other.provider && one.line === other.line;
const othersThan = (state: OpenAccount, line: Line): Provider[] => state.providers.filter((one) => !isSameLine(one, line));

/** Both sides are plain data of the same schema, so their JSON agrees when they do; only the order of fields must not matter. */
const same = (one: object, other: object): boolean => JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));

const ordered = (value: unknown): unknown =>
  typeof value !== "object" || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, inner]) => [name, ordered(inner)]),
      );

/** A tenant: its keys, providers, policy, and whether it is paused. */
export const account: Decider<Account, AccountCommand, AccountEvent, AccountRefusal> = { initial, evolve, decide };
