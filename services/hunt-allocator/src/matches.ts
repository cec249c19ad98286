import type { Ad } from "@outrider/contracts/ads";
import type { Criteria } from "@outrider/contracts/hunts";

/** What of an ad decides whether a hunt wants it. `publishedMs` in epoch milliseconds. */
export type Matchable = Pick<Ad, "source" | "title" | "make" | "model" | "price" | "year" | "mileage" | "postalCode" | "ownerType"> & {
  readonly publishedMs: number;
};

export interface Wanting {
  /** The hunt's own source, if it has one; the criteria may name more. */
  readonly source?: string | undefined;
  readonly criteria: Criteria;
}

const dayMs = 86_400_000;

/** Case and accents do not count. */
const plain = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * All criteria of a hunt, prepared once, for many ads. An ad that does not tell a value does not match a limit on it. `now` in epoch
 * milliseconds: an ad is too old after `maxAgeDays` times 24 hours.
 */
export const matcher = ({ source, criteria }: Wanting, now: number): ((ad: Matchable) => boolean) => {
  const oldest = now - criteria.maxAgeDays * dayMs;
  const sources = some(criteria.sources) ?? (source === undefined ? undefined : [source]);
  const words = (criteria.text === undefined ? "" : plain(criteria.text)).split(/\s+/).filter((word) => word !== "");
  const makes = some(criteria.makes)?.map(plain);
  const models = some(criteria.models)?.map(plain);
  const postalPrefixes = some(criteria.postalPrefixes);
  const { priceFrom, priceTo, yearFrom, yearTo, mileageTo, owner } = criteria;
  return (ad) =>
    ad.publishedMs >= oldest &&
    within(ad.price, priceFrom, priceTo) &&
    within(ad.year, yearFrom, yearTo) &&
    within(ad.mileage, undefined, mileageTo) &&
    (owner === "any" || ad.ownerType === owner) &&
    (sources === undefined || sources.includes(ad.source)) &&
    (postalPrefixes === undefined || postalPrefixes.some((prefix) => ad.postalCode?.startsWith(prefix) === true)) &&
    oneOf(ad.make, makes) &&
    oneOf(ad.model, models) &&
    hasWords(ad, words);
};

/** Whether this hunt wants this ad now. */
export const matches = (hunt: Wanting, ad: Matchable, now: number): boolean => matcher(hunt, now)(ad);

/** An empty list asks for nothing in particular. */
const some = (list: readonly string[] | undefined): readonly string[] | undefined => (list?.length ? list : undefined);

const within = (value: number | undefined, from: number | undefined, to: number | undefined): boolean =>
  (from === undefined && to === undefined) ||
  (value !== undefined && (from === undefined || value >= from) && (to === undefined || value <= to));

const oneOf = (value: string | undefined, wanted: readonly string[] | undefined): boolean =>
  wanted === undefined || (value !== undefined && wanted.includes(plain(value)));

const hasWords = ({ title, make = "", model = "" }: Matchable, words: readonly string[]): boolean => {
  if (words.length === 0) return true;
  const text = plain(`${title} ${make} ${model}`);
  return words.every((word) => text.includes(word));
};
