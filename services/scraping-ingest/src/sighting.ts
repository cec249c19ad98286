import type { Ad } from "@outrider/contracts/ads";
import type { Sealed } from "@outrider/contracts/define";
import type { AccountId, AdId, ImportId } from "@outrider/contracts/ids";
import type { Cause } from "@outrider/eventing";
import { KeyDestroyed, type Keyring, keyIds } from "@outrider/platform";
import type { SeeAd } from "./ad.ts";
import { present } from "./file/values.ts";
import type { Owner } from "./owners.ts";
import type { FoundAd } from "./providers/ad-source.ts";

/** An ad of a page, ready to be compared with what is known of it. One page never holds an ad twice. */
export interface Sighting {
  readonly row: number;
  readonly ad: AdId;
  readonly found: FoundAd;
  readonly digest: string;
  readonly owner: Owner | undefined;
  /** The owner's number is one that we gave out for want of any: an ad that has an owner keeps it. */
  readonly assigned: boolean;
}

/** What a row was to the ads that we knew. */
export type Landed = "new" | "changed" | "duplicate";

export interface Landing {
  readonly account: AccountId;
  readonly import: ImportId;
  readonly seenAt: string;
  readonly cause: Omit<Cause, "commandId" | "at">;
}

/** What is known of an ad: its last message, or that there is none as far as we know. */
export interface Before {
  readonly ad: Ad | undefined;
  readonly revision: number;
}

export interface Known {
  readonly sighting: Sighting;
  readonly before: Before;
  /** This import has already landed this row, before it was interrupted. */
  readonly earlier?: Landed | undefined;
}

/** How a sighting is to be told: as whose ad, sealed by which key, and whether nothing personal of it is to be kept. */
interface Plan extends Known {
  readonly owner: Owner | undefined;
  readonly keyId: string;
  readonly erased: boolean;
}

/** The commands of a page's sightings, with what is personal sealed under its owner's key; without an owner under the account's. */
export const seal = async (
  keyring: Pick<Keyring, "sealMany">,
  items: readonly Known[],
  landing: Landing,
  destroyed: ReadonlySet<string> = new Set(),
): Promise<SeeAd[]> => {
  const plans = items.map((item) => planOf(item, landing, destroyed));
  const values = plans.flatMap(personalOf);
  let sealed: Sealed[] = [];
  try {
    if (values.length > 0) sealed = await keyring.sealMany(values);
  } catch (error) {
    // Erased since registry was asked: the same once more, without what is personal of theirs.
    if (!(error instanceof KeyDestroyed) || error.keyIds.every((id) => destroyed.has(id))) throw error;
    return seal(keyring, items, landing, new Set([...destroyed, ...error.keyIds]));
  }
  const next = sealed.values();
  return plans.map((plan) => commandOf(plan, next, landing));
};

const planOf = (item: Known, { account }: Landing, destroyed: ReadonlySet<string>): Plan => {
  const owner = ownerOf(item);
  const keyId = owner === undefined ? keyIds.account(account) : keyIds.person(account, owner.person);
  return { ...item, owner, keyId, erased: owner !== undefined && (owner.erased || destroyed.has(keyId)) };
};

const ownerOf = ({ sighting: { owner, assigned }, before: { ad } }: Known): Owner | undefined =>
  assigned && ad?.person !== undefined && ad.facts !== undefined ? { person: ad.person, facts: ad.facts, erased: false } : owner;

/** What of it is to be sealed, in the order in which `commandOf` takes it. */
const personalOf = ({ sighting, keyId, erased }: Plan): readonly { readonly keyId: string; readonly plain: string }[] => {
  const { description, ownerName } = sighting.found;
  return erased ? [] : [description, ownerName].flatMap((plain) => (plain === undefined ? [] : [{ keyId, plain }]));
};

const commandOf = ({ sighting, before, owner, erased }: Plan, sealed: Iterator<Sealed>, landing: Landing): SeeAd => {
  const { description: text, ownerName: name, phone: _number, ...found } = sighting.found;
  const taken = (plain: string | undefined): Sealed | undefined => (erased || plain === undefined ? undefined : sealed.next().value);
  const [description, ownerName] = [taken(text), taken(name)];
  const { digest, ad: id } = sighting;
  const publishedAt = found.publishedAt ?? before.ad?.publishedAt ?? landing.seenAt;
  const ad: Ad = {
    ad: id,
    ...found,
    ...present({ person: owner?.person, facts: owner?.facts, description, ownerName }),
    publishedAt,
    digest,
  };
  return { kind: "see", ad, erased, import: landing.import, seenAt: landing.seenAt };
};
