import type { Ad } from "@outrider/contracts/ads";

/** What a template may name. `always` is present on every ad; the others may be missing. */
export const templateVariables = {
  "ad.title": "always",
  "ad.price": "perhaps",
  "ad.currency": "perhaps",
  "ad.make": "perhaps",
  "ad.model": "perhaps",
  "ad.year": "perhaps",
  "ad.mileage": "perhaps",
  "ad.city": "perhaps",
  "ad.postalCode": "perhaps",
  "ad.url": "perhaps",
  "owner.name": "perhaps",
  "account.name": "always",
} as const;
export type TemplateVariable = keyof typeof templateVariables;

export const isTemplateVariable = (name: string): name is TemplateVariable => Object.hasOwn(templateVariables, name);

type AdValues = Pick<Ad, "title" | "price" | "currency" | "make" | "model" | "year" | "mileage" | "city" | "postalCode" | "url">;

/** What a template reads: own properties only; null for what this ad does not tell, so that strict rendering cannot fail on it. */
export interface TemplateScope {
  readonly ad: { readonly [Field in keyof AdValues]-?: NonNullable<AdValues[Field]> | null };
  readonly owner: { readonly name: string | null };
  readonly account: { readonly name: string };
}

const longest = 200;
/** One line, of bounded length: what somebody typed into an ad must not blow up a message. */
const line = (text: string): string =>
  text
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, longest);
const lineOrNull = (text: string | undefined): string | null => (text === undefined || line(text) === "" ? null : line(text));

export const scopeOf = (ad: AdValues, ownerName: string | undefined, accountName: string): TemplateScope => ({
  ad: {
    title: line(ad.title),
    price: ad.price ?? null,
    currency: lineOrNull(ad.currency),
    make: lineOrNull(ad.make),
    model: lineOrNull(ad.model),
    year: ad.year ?? null,
    mileage: ad.mileage ?? null,
    city: lineOrNull(ad.city),
    postalCode: lineOrNull(ad.postalCode),
    url: lineOrNull(ad.url),
  },
  owner: { name: lineOrNull(ownerName) },
  account: { name: line(accountName) },
});

/** An ad that tells everything, for previews without a real one. */
export const sampleAd: AdValues = {
  title: "Peugeot 208 1.2 PureTech",
  price: 8900,
  currency: "EUR",
  make: "Peugeot",
  model: "208",
  year: 2019,
  mileage: 64_000,
  city: "Lyon",
  postalCode: "69003",
  url: "https://example.com/ads/1",
};
export const sampleOwner = "Camille";
