import type { Rule } from "./rules.ts";

export type Channel = "sms" | "whatsapp" | "voicemail" | "call";

/**
 * Why somebody is written to. "prospecting" and "existing-customer" (an offer to one) are meant to lead to a deal and bear all rules;
 * "appointment" and "service" serve a deal that exists.
 */
export type Purpose = "prospecting" | "existing-customer" | "appointment" | "service";

/** Why the law permits it; a request that is meant to lead to a deal and names none is denied. */
export type LegalBasis = "consent" | "existing-customer" | "professional-recipient" | "offer-to-buy";

/** What is offered, where a country has a law of its own about it. */
export type Sector = "energy-renovation";

export type OwnerType = "private" | "trade" | "unknown";

export type LineType = "mobile" | "landline" | "mobile-or-landline" | "voip" | "other";

/** What a number tells without being the number: stored in events, and not personal. */
export interface NumberFacts {
  /** ISO 3166-1 alpha-2, from the number alone; it picks the country pack. */
  readonly country: string;
  readonly lineType: LineType;
  /** IANA names of every zone that may be the recipient's. Empty: nobody knows, and nothing is allowed. */
  readonly zones: readonly string[];
  /** The part of the country that the postal code tells ("US-FL", "FR-67"). Absent: the rules of every part apply. */
  readonly area?: string | undefined;
  /** Reserved for fiction, rings nowhere; usable in sandbox mode only. */
  readonly fiction: boolean;
}

export interface ContactRequest {
  readonly channel: Channel;
  readonly purpose: Purpose;
  readonly legalBasis?: LegalBasis | undefined;
  /** Absent when no hunt asked for this contact. */
  readonly hunt?: string | undefined;
  readonly contact: string;
  /** Given when a permit is asked for: then earlier attempts of this same contact do not count. Absent in a preview: then they deny it. */
  readonly attempt?: number | string | undefined;
  /** The ad says that its owner wants no commercial calls or messages. */
  readonly noCanvassing?: boolean | undefined;
  /** As the ad says; absent means unknown. */
  readonly ownerType?: OwnerType | undefined;
  readonly sector?: Sector | undefined;
}

export interface PastAttempt {
  readonly at: string;
  readonly contact: string;
  readonly channel: Channel;
  readonly hunt?: string | undefined;
  /** Absent counts as meant to lead to a deal. */
  readonly purpose?: Purpose | undefined;
}

/** A record that lets the account write: the person's consent, or an earlier deal with them. */
export interface Consent {
  readonly at: string;
  /** Where it was given, so that it can be proven. */
  readonly source: string;
  /** Absent means consent. */
  readonly basis?: "consent" | "existing-customer" | undefined;
  /** What was consented to; absent covers every purpose. */
  readonly purpose?: Purpose | undefined;
}

/** What the account knows of one person. All times are ISO 8601 with an offset. */
export interface PersonFacts {
  readonly number: NumberFacts;
  readonly erased?: boolean | undefined;
  readonly optedOut?: { readonly at: string; readonly by: string } | undefined;
  /** Moments at which the person said no without opting out. */
  readonly refusals?: readonly { readonly at: string }[] | undefined;
  /** Contacts made or permitted, on any channel; at least those of the last 30 days or `recontactAfterDays`, if longer. */
  readonly attempts?: readonly PastAttempt[] | undefined;
  readonly consents?: readonly Consent[] | undefined;
  /** The last look-up in the country's do-not-call registry. */
  readonly doNotCall?: { readonly checkedAt: string; readonly listed: boolean } | undefined;
}

/** What the account itself sets. It can only narrow what the pack allows. */
export interface AccountPolicy {
  /** Days before another hunt may write to the same person. Default 30. */
  readonly recontactAfterDays?: number | undefined;
  /** Who confirmed which notice, word for word, and when. Absent, or another text than `offerToBuyNotice`: the legal basis "offer-to-buy" is off. */
  readonly offerToBuyConfirmed?: { readonly by: string; readonly at: string; readonly notice: string } | undefined;
  readonly paused?: boolean | undefined;
  /** "HH:MM" in the recipient's zone; for prospecting only. */
  readonly hours?: { readonly from: string; readonly to: string } | undefined;
  /** ISO weekdays (1 Monday … 7 Sunday) on which prospecting goes out. Default: as the pack says. */
  readonly weekdays?: readonly number[] | undefined;
  /** "YYYY-MM-DD" in the recipient's zone, on which no prospecting goes out. */
  readonly closedDays?: readonly string[] | undefined;
  /** True where providers are simulators; numbers reserved for fiction pass only then. Default false. */
  readonly sandbox?: boolean | undefined;
}

export type Verdict =
  | { readonly kind: "allowed" }
  | {
      readonly kind: "deferred";
      /** When this rule no longer stands in the way; another may then. `nextAllowed` follows them all. */
      readonly until: string;
      readonly rule: Rule;
      readonly remedy: string;
      readonly source?: string;
    }
  | {
      readonly kind: "denied";
      readonly rule: Rule;
      /** What would make this allowed. */
      readonly remedy: string;
      readonly source?: string;
    };
