import type { DocumentOf } from "@outrider/contracts/documents";
import type { AccountId, PersonId } from "@outrider/contracts/ids";
import { erased, type Keyring } from "@outrider/platform";
import { limits } from "./config.ts";
import type { ReadModels } from "./read-models.ts";

/** The lists that know whom they are about. */
export const aboutPeople = ["contacts", "replies", "ads"] as const;
export type AboutPeople = (typeof aboutPeople)[number];

export interface About<Name extends AboutPeople> {
  readonly items: DocumentOf<Name>[];
  /** Whether there are more than `limits.aboutPersonMost`. */
  readonly incomplete: boolean;
}

/** Everything in a list that is about somebody, read page by page. */
export const allAbout = async <Name extends AboutPeople>(
  models: ReadModels,
  view: Name,
  account: AccountId,
  person: PersonId,
): Promise<About<Name>> => {
  const items: DocumentOf<Name>[] = [];
  let cursor: string | undefined;
  do {
    const { items: page, next } = await models.page(view, account, { person }, { cursor, limit: limits.pageMost });
    items.push(...page);
    cursor = next;
  } while (cursor !== undefined && items.length < limits.aboutPersonMost);
  return { items, incomplete: cursor !== undefined };
};

/** Opens what is sealed; of an erased person nothing, also while another process may still know the key. */
export const openerFor = (keyring: Keyring, isErased: boolean): Keyring["open"] => (isErased ? async () => erased : keyring.open);

/** `openerFor` whomever a text is of, of these people: one look-up for all. What nobody known wrote is no erased person's. */
export const openersFor = async (
  models: Pick<ReadModels, "many">,
  keyring: Keyring,
  account: AccountId,
  people: readonly (PersonId | undefined)[],
): Promise<(person: PersonId | undefined) => Keyring["open"]> => {
  const ids = new Set(people.flatMap((person) => person ?? []));
  const known = await models.many("people", account, [...ids]);
  return (person) => openerFor(keyring, person !== undefined && known.get(person)?.status === "erased");
};
