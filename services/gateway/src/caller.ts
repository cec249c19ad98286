import { createHash, timingSafeEqual } from "node:crypto";
import { type AccountId, accountId, systemAccount } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { type Ask, type AskOptions, Refusal } from "@outrider/platform";
import { LRUCache } from "lru-cache";
import { limits } from "./config.ts";

/**
 * What a route asks of its caller. `operator` is the holder of the admin key; the others are scopes of an account's key, each of which
 * includes those before it.
 */
export type Access = "public" | "read" | "write" | "admin" | "operator";
type Scope = "read" | "write" | "admin";

/** Who is asking. */
export interface Caller {
  /** Of the key; of an operator the one that was named, if any. */
  readonly account: AccountId | undefined;
  readonly scopes: readonly Scope[];
  readonly operator: boolean;
  /** For the record of what is changed. */
  readonly actor: string;
}

export interface Credentials {
  readonly authorization: string | undefined;
  /** The header `Outrider-Account`. */
  readonly named: string | undefined;
  readonly traceparent: string;
}

const bearer = /^Bearer +(\S{1,512})$/i;
const accountKey = /^or_([A-Za-z0-9_-]{1,64})_[A-Za-z0-9_-]{43}$/;
const implied: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ["read", "write", "admin"],
  write: ["write", "admin"],
  admin: ["admin"],
};

const unauthorised = (): Refusal => new Refusal("unauthorised", "send a valid key as Authorization: Bearer …");

/** SHA-256 in hex: what of a key is known to anybody but its holder. */
export const hashOfKey = (key: string): string => createHash("sha256").update(key).digest("hex");

/** Throws a refusal when a caller may not use a route. */
export const demand = (access: Access, caller: Caller): void => {
  if (access === "public" || caller.operator) return;
  if (access === "operator") throw new Refusal("forbidden", "this needs the admin key of this installation");
  if (!implied[access].some((scope) => caller.scopes.includes(scope))) {
    throw new Refusal("forbidden", `this needs a key with the scope ${access}`, "scope-missing");
  }
};

/** Tells who holds a key. What registry answers is remembered for some seconds, so a revoked key works no longer than that. */
export const authentication = (ask: Ask, adminKey: string | undefined): ((given: Credentials) => Promise<Caller>) => {
  const admin = adminKey === undefined ? undefined : createHash("sha256").update(adminKey).digest();
  const remembered = new LRUCache<string, Promise<Caller>>({
    max: limits.authenticatedMost,
    ttl: limits.authenticatedMs,
    ttlResolution: 100,
  });
  /** Asked once, however many wait for it; an answer that was none is not kept. */
  const once = (key: string, find: () => Promise<Caller>): Promise<Caller> => {
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const found = find();
    remembered.set(key, found);
    found.catch(() => remembered.delete(key));
    return found;
  };
  const holder = async (account: AccountId, hash: string, options: AskOptions): Promise<Caller> => {
    const { scopes } = await ask(registryCommands.authenticate, { account, hash }, options);
    return { account, scopes, operator: false, actor: `api:${account}` };
  };
  const operator = async (named: string | undefined, options: AskOptions): Promise<Caller> => {
    const nobody = { account: undefined, scopes: [], operator: true, actor: "operator" } as const;
    if (named === undefined) return nobody;
    const account = accountId.safeParse(named);
    if (!account.success) throw new Refusal("invalid-request", "the header Outrider-Account holds no account id");
    if (account.data !== systemAccount) await ask(registryCommands.account, { account: account.data }, options);
    return { ...nobody, account: account.data };
  };
  return async ({ authorization, named, traceparent }) => {
    const key = authorization === undefined ? undefined : bearer.exec(authorization)?.[1];
    if (key === undefined) throw unauthorised();
    const digest = createHash("sha256").update(key).digest();
    const options = { traceparent };
    if (admin !== undefined && timingSafeEqual(digest, admin)) {
      return named === undefined ? operator(named, options) : once(`operator ${named}`, () => operator(named, options));
    }
    const account = accountId.safeParse(accountKey.exec(key)?.[1]);
    if (!account.success) throw unauthorised();
    const hash = digest.toString("hex");
    const caller = await once(hash, () => holder(account.data, hash, options));
    // Ignored, it would have something done to an account that was not meant.
    if (named !== undefined && named !== account.data) {
      throw new Refusal("forbidden", `this key is of the account ${account.data}, and Outrider-Account names another`, "another-account");
    }
    return caller;
  };
};
