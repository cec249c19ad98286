import { type CountryCode, isSupportedCountry, type NumberType, type PhoneNumber, parsePhoneNumberFromString } from "libphonenumber-js/max";
import { isFiction } from "./fiction.ts";
import { packFor } from "./packs/installed.ts";
import type { Pack } from "./packs/pack.ts";
import type { LineType, NumberFacts } from "./types.ts";

export interface NumberOptions {
  /** ISO 3166-1 alpha-2: where a number without country code, and the postal code, are from. Without it only E.164 is understood. */
  readonly defaultCountry?: string | undefined;
  /** True in sandbox mode only: numbers reserved for fiction then count as valid mobiles. */
  readonly fiction: boolean;
  /** Narrows zone and area inside the number's own country; ignored when it is another country's. */
  readonly postalCode?: string | undefined;
}

export type DescribedNumber =
  | { readonly kind: "number"; readonly e164: string; readonly facts: NumberFacts & { readonly zones: string[] } }
  | { readonly kind: "invalid"; readonly rule: "invalid-number" | "fiction-number-in-live-mode"; readonly reason: string };

const lineTypes: Partial<Record<NonNullable<NumberType>, LineType>> = {
  MOBILE: "mobile",
  FIXED_LINE: "landline",
  FIXED_LINE_OR_MOBILE: "mobile-or-landline",
  VOIP: "voip",
};

/** French people write 0690…, 0696…, 0692… for overseas mobiles whose country code is not +33. */
const sharesNationalNumbers: Readonly<Record<string, readonly CountryCode[]>> = { FR: ["GP", "MQ", "GF", "RE", "YT"] };

const parse = (text: string, country: CountryCode | undefined): PhoneNumber | undefined =>
  parsePhoneNumberFromString(text, { extract: false, ...(country === undefined ? {} : { defaultCountry: country }) });

/** Reserved French numbers are in no numbering plan, hence without a country of their own to the parser. */
const isFictionalNumber = (number: PhoneNumber): boolean =>
  isFiction(number.number, number.countryCallingCode === "33" ? "FR" : number.country) &&
  (number.countryCallingCode !== "1" || number.getType() === "FIXED_LINE_OR_MOBILE");

/** Whether `code` (ISO 3166-1 alpha-2) has a numbering plan, by which its national numbers can be read. */
export const hasNumberingPlan = (code: string): boolean => isSupportedCountry(code);

/**
 * Reads a number as people write it and says what can be told from it without keeping it.
 * Never throws on text; `reason` names what is wrong and does not repeat the number.
 */
export const describeNumber = (raw: string, options: NumberOptions): DescribedNumber => {
  const country = options.defaultCountry;
  const given = country !== undefined && isSupportedCountry(country) ? country : undefined;
  const text = withoutPreface(raw);
  const first = parse(text, given);
  if (first?.ext !== undefined) return invalid("the number has an extension");
  if (first !== undefined && isFictionalNumber(first)) {
    if (options.fiction) return number(first.number, first.countryCallingCode === "33" ? "FR" : "US", "mobile", true, options);
    return { kind: "invalid", rule: "fiction-number-in-live-mode", reason: "the number is reserved for fiction" };
  }
  const found = first?.isValid() ? first : overseas(text, given);
  if (found === undefined)
    return invalid(first === undefined ? "the text is no telephone number" : "no such number is assigned in its country");
  if (found.country === undefined) return invalid("the number belongs to no country");
  return number(found.number, found.country, lineTypes[found.getType() ?? "UAN"] ?? "other", false, options);
};

/** What spreadsheets and links put before a number: an apostrophe that keeps its zero, `tel:`. */
const withoutPreface = (raw: string): string => raw.trim().replace(/^['’]?\s*(?:t[eé]l\.?\s*:\s*(?=[+\d(]))?/iu, "");

const invalid = (reason: string): DescribedNumber => ({ kind: "invalid", rule: "invalid-number", reason });

const overseas = (text: string, country: CountryCode | undefined): PhoneNumber | undefined =>
  (sharesNationalNumbers[country ?? ""] ?? []).map((other) => parse(text, other)).find((number) => number?.isValid());

const number = (e164: string, country: string, lineType: LineType, fiction: boolean, options: NumberOptions): DescribedNumber => ({
  kind: "number",
  e164,
  facts: { country, lineType, ...whereabouts(country, options), fiction },
});

const whereabouts = (country: string, { defaultCountry, postalCode }: NumberOptions): { zones: string[]; area?: string } => {
  const pack = packFor(country);
  if (pack === undefined) return { zones: [] };
  // A French postal code looks like a ZIP code: it counts only where the number is of the country that wrote it.
  const sameLaw = defaultCountry === undefined || packFor(defaultCountry) === pack;
  const area = sameLaw && postalCode !== undefined ? pack.areaOf(postalCode.trim()) : undefined;
  const home = zonesOf(pack, pack.countries[country] ?? []);
  if (area === undefined) return { zones: home };
  const there = zonesOf(pack, [area]);
  // Inside the number's usual zones the postal code narrows them; outside (a mainland number overseas) both must be open.
  return { zones: there.length === 0 || there.some((zone) => home.includes(zone)) ? there : [...home, ...there], area };
};

const zonesOf = (pack: Pack, areas: readonly string[]): string[] => [...new Set(areas.flatMap((area) => pack.areas[area]?.zones ?? []))];
