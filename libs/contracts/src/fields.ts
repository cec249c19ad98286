import { z } from "zod";
import type { Past } from "./define.ts";

/** ISO 8601 instant, as `Date.prototype.toISOString` writes it. */
export const instant = z.iso.datetime({ offset: true });
/** Whole credits; money never travels as a float. */
export const credits = z.int().min(0);
/** What one contact may cost, in credits; `usual` where nothing is said. */
export const contactPrice = { least: 0, most: 1000, usual: 1 } as const;
export const channel = z.enum(["sms", "whatsapp", "voicemail", "call"]);
export type Channel = z.output<typeof channel>;
/** Why we may write to somebody at all. Mandatory for every hunt. */
export const legalBasis = z.enum(["consent", "existing-customer", "professional-recipient", "offer-to-buy"]);
export type LegalBasis = z.output<typeof legalBasis>;
export const purpose = z.enum(["prospecting", "existing-customer", "appointment", "service"]);
export type Purpose = z.output<typeof purpose>;
/** What is offered, where a country has a law of its own about it: home energy works, adaptation of homes. Absent: anything else. */
export const sector = z.enum(["energy-renovation"]);
/**
 * The past of events that name a sector since their version 2: version 1 names none, and reads as it is. A version of its own, because a release
 * that does not know the field would leave it out, and permit what is forbidden.
 */
export const sectorSince2: readonly Past[] = [{ version: 1, upcast: (named: unknown) => named }];
/** A kebab-case name of the rule that said no; shown, counted, never translated. */
export const rule = z.string().regex(/^[a-z0-9-]{1,60}$/);
/** What a number tells without being the number. Not personal. */
export const numberFacts = z.object({
  country: z.string().length(2),
  lineType: z.enum(["mobile", "landline", "mobile-or-landline", "voip", "other"]),
  zones: z.array(z.string()),
  /** `US-FL`, `FR-67`: only when a postal code told; without it the rules of every area in the zones apply. */
  area: z.string().optional(),
  fiction: z.boolean(),
});
export type NumberFacts = z.output<typeof numberFacts>;
/** IANA name, checked by the runtime's own tables. */
export const timeZone = z.string().refine((zone) => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}, "use an IANA time zone such as Europe/Paris");
/** A local calendar day, `2026-11-21`. */
export const localDate = z.iso.date();
export const weekdays = z.array(z.int().min(1).max(7)).min(1).max(7); // ISO: 1 Monday … 7 Sunday

/** Vendors through whom SMS are sent; each is one adapter in sms-sender and one webhook path. */
export const smsProvider = z.enum(["smsmobileapi"]);
export type SmsProviderName = z.output<typeof smsProvider>;
