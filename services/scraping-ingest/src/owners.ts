import type { NumberFacts } from "@outrider/contracts/fields";
import type { AccountId, PersonId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { type AskOptions, keyIds, type Service } from "@outrider/platform";
import { LRUCache } from "lru-cache";
import { limits } from "./config.ts";

export interface Owner {
  readonly person: PersonId;
  readonly facts: NumberFacts;
  readonly erased: boolean;
}

/** A number as an ad shows it, with what narrows down where it is. */
export interface Shown {
  readonly number: string;
  readonly postalCode?: string | undefined;
}

/** Whose numbers these are, in the order given; undefined for what is no usable number. New ones are registered. */
export type OwnersOf = (account: AccountId, shown: readonly (Shown | undefined)[], asked: AskOptions) => Promise<(Owner | undefined)[]>;

/** Asks registry for a page at a time, and for what it has answered within the last minute not at all. */
export const ownersFrom = ({ ask, keyring }: Pick<Service, "ask" | "keyring">, cached: number): OwnersOf => {
  const known = new LRUCache<string, Owner | "unusable">({ max: cached, ttl: limits.ownersCachedMs, ttlResolution: 1000 });

  const find = async (account: AccountId, shown: readonly Shown[], asked: AskOptions): Promise<void> => {
    const keyId = keyIds.account(account);
    const numbers = await keyring.sealMany(shown.map(({ number }) => ({ keyId, plain: number })));
    const postalCodes = shown.map(({ postalCode }) => postalCode ?? null);
    const { people } = await ask(
      registryCommands.people,
      { account, numbers, postalCodes, register: true },
      { timeoutMs: limits.askMs, ...asked },
    );
    shown.forEach(({ number }, at) => {
      const found = people[at];
      const owner = found?.kind === "person" ? { person: found.person, facts: found.facts, erased: found.erased } : "unusable";
      known.set(`${account} ${number}`, owner);
    });
  };

  return async (account, shown, asked) => {
    const missing = new Map<string, Shown>();
    const before = shown.map((one) => {
      if (one === undefined) return undefined;
      const owner = known.get(`${account} ${one.number}`);
      if (owner === undefined) missing.set(one.number, one);
      return owner;
    });
    if (missing.size > 0) await find(account, [...missing.values()], asked);
    return before.map((owner, at) => {
      const one = shown[at];
      const answer = owner ?? (one === undefined ? undefined : known.get(`${account} ${one.number}`));
      return answer === "unusable" ? undefined : answer;
    });
  };
};
