import type { Ad, AdEvent } from "@outrider/contracts/ads";
import type { ImportId } from "@outrider/contracts/ids";
import { accept, type Decider } from "@outrider/eventing/decider";

/** The ad as its last message gave it; every message carries it whole, so that message alone is the state. */
export type AdState = { readonly known: false } | { readonly known: true; readonly ad: Ad };

/** An ad was seen in a file or a run. `erased`: its owner asked to be forgotten, so nothing personal of it is stored. */
export interface SeeAd {
  readonly kind: "see";
  readonly ad: Ad;
  readonly erased: boolean;
  readonly import?: ImportId | undefined;
  readonly seenAt: string;
}

const initial = (): AdState => ({ known: false });

const evolve = (_state: AdState, event: AdEvent): AdState => ({ known: true, ad: event.data.ad });

/** What was seen tells nothing new. Asked before anything is sealed: most ads of a repeated file end here. */
export const unchanged = (before: Ad, seen: { readonly digest: string; readonly hasOwner: boolean; readonly erased: boolean }): boolean =>
  before.digest === seen.digest && (before.person !== undefined || !seen.hasOwner) && !(seen.erased && holdsPersonal(before));

const decide = (state: AdState, { ad: seen, erased, import: by, seenAt }: SeeAd) => {
  const origin = { ...(by === undefined ? {} : { import: by }), seenAt };
  const ad = erased ? withoutPersonal(seen) : seen;
  if (!state.known) return accept<AdEvent>({ type: "AdListed", data: { ad, ...origin } });
  const before = state.ad;
  if (unchanged(before, { digest: ad.digest, hasOwner: ad.person !== undefined, erased })) return accept<AdEvent>();
  const changed = changedFields(before, ad);
  if (erased && before.digest === ad.digest) return accept<AdEvent>({ type: "AdDepersonalised", data: { ad } });
  const previousPrice = before.price !== undefined && before.price !== ad.price ? { previousPrice: before.price } : {};
  return accept<AdEvent>({ type: "AdChanged", data: { ad, changed, ...previousPrice, ...origin } });
};

/** The same ad seen again is one ad. What the last import says wins. */
export const adRule: Decider<AdState, SeeAd, AdEvent, never> = { initial, evolve, decide };

const holdsPersonal = (ad: Ad): boolean => ad.description !== undefined || ad.ownerName !== undefined;

const withoutPersonal = ({ description: _text, ownerName: _name, ...rest }: Ad): Ad => rest;

/** Of sealed fields only the digest tells whether they changed: its parts after the first are theirs, in this order. */
export const sealedParts = ["description", "ownerName", "phone"] as const;

const visible = [
  "title",
  "person",
  "ownerType",
  "noCanvassing",
  "make",
  "model",
  "price",
  "currency",
  "year",
  "mileage",
  "fuel",
  "gearbox",
  "vehicleType",
  "postalCode",
  "city",
  "url",
  "publishedAt",
] as const satisfies readonly (keyof Ad)[];

const changedFields = (before: Ad, after: Ad): string[] => {
  const fields: string[] = visible.filter((field) => before[field] !== after[field]);
  if (JSON.stringify(before.pictures) !== JSON.stringify(after.pictures)) fields.push("pictures");
  const [, ...old] = before.digest.split(".");
  const [, ...now] = after.digest.split(".");
  sealedParts.forEach((field, index) => {
    if (old[index] !== now[index]) fields.push(field);
  });
  return fields;
};
