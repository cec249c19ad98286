import type { Rule } from "../rules.ts";
import type { Channel, LegalBasis, LineType, Purpose, Sector } from "../types.ts";

/** A country's rules as data. Each row names its source; a row without a known source says that it is our own caution. */
export interface Pack {
  /** ISO 3166-1 alpha-2 of the law's country. */
  readonly code: string;
  readonly name: string;
  /** Country of the number → areas in which its holder may be when no postal code tells. */
  readonly countries: Readonly<Record<string, readonly string[]>>;
  readonly areas: Readonly<Record<string, Area>>;
  /** The area of a postal code; undefined when it is none of this country's. */
  readonly areaOf: (postalCode: string) => string | undefined;
  readonly channels: Readonly<Partial<Record<Channel, ChannelRules>>>;
}

export interface Area {
  /** IANA zones; empty when nobody can tell, and then nobody there is contacted. */
  readonly zones: readonly string[];
  /** The holiday calendar's name of the area, where it has days of its own. */
  readonly holidays?: string;
}

export interface ChannelRules {
  readonly lineTypes: readonly LineType[];
  readonly purposes: Readonly<Record<Purpose, PurposeRules>>;
  /** What a message that is meant to lead to a deal must say, word by word. */
  readonly mustSay?: { readonly word: string; readonly source: string };
}

export interface PurposeRules {
  /** Which legal bases suffice; "any" where the purpose needs none. */
  readonly bases: { readonly accepted: readonly LegalBasis[] | "any"; readonly source: string };
  /** What may not be offered at all, consent or not, but on these legal bases. */
  readonly sectors?: Readonly<
    Partial<Record<Sector, { readonly rule: Rule; readonly unless: readonly LegalBasis[]; readonly source: string }>>
  >;
  /** Days and hours in the recipient's zone; absent: any time. */
  readonly times?: Times;
  /** Calendar days without contact after the person said no. */
  readonly refusal?: { readonly days: number; readonly source: string };
  /** At most `max` attempts within `days` calendar days, over all channels. */
  readonly attempts?: { readonly max: number; readonly days: number; readonly source: string };
  /** An ad's "no canvassing" is honoured unless the person has consented. */
  readonly canvassing?: { readonly source: string };
  /** Without consent, the number must have been looked up in the national registry at most `maxAgeDays` ago. */
  readonly doNotCall?: { readonly maxAgeDays: number; readonly source: string };
}

export interface Times {
  readonly base: TimesRow;
  /** Stricter rows of single areas; each narrows the base. */
  readonly areas: readonly AreaTimesRow[];
  readonly publicHolidays?: { readonly source: string };
}

/** Whole minutes as "HH:MM", the end exclusive; weekdays by ISO number (1 Monday … 7 Sunday). */
export interface TimesRow {
  readonly from?: string;
  readonly to?: string;
  /** The weekdays on which `from` and `to` hold. Default: all. */
  readonly on?: readonly number[];
  /** Weekdays without any contact. */
  readonly closed?: readonly number[];
  readonly source: string;
}

export interface AreaTimesRow extends TimesRow {
  readonly area: string;
  /** First local day ("YYYY-MM-DD") on which the row holds. */
  readonly since?: string;
}
