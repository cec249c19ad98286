import type { AccountId, PersonId } from "@outrider/contracts/ids";

/** The keys that exist, by what they seal. A key id is also a key of the bucket, so it is made of checked tokens only. */
export const keyIds = {
  account: (account: AccountId) => `account.${account}`,
  person: (account: AccountId, person: PersonId) => `person.${account}.${person}`,
  /** One per day (`2026-11-21`); destroyed after 30 days, with all that was received on that day. */
  inbox: (date: string) => `inbox.${date}`,
} as const;

export const isKeyId = (id: string): boolean => /^[a-z]+(\.[A-Za-z0-9_-]{1,64}){1,2}$/.test(id);
