import { z } from "zod";
import { codecOf, defineEvent, type EventOf, personal, sealed } from "./define.ts";
import {
  channel,
  instant,
  legalBasis,
  numberFacts,
  purpose,
  rule,
  sector,
  sectorSince2,
  smsProvider,
  timeZone,
  weekdays,
} from "./fields.ts";
import { accountId, contactId, huntId, lineId, personId } from "./ids.ts";

// --- account: a tenant, its keys, its providers, its policy ------------------------------------------------------------------------

const policyFields = {
  /** Credits or contacts are not the limit here: people per local day over all hunts. */
  dailyLimit: z.int().min(0).nullable(),
  recontactAfterDays: z.int().min(0).max(3650),
  /** When the daily run starts, in the account's time zone: minute hour day month weekday. */
  dailyRunCron: z.string(),
  dailyRunEnabled: z.boolean(),
  runWeekdays: weekdays,
  lowBalanceBelow: z.int().min(0).nullable(),
};
export const accountPolicy = z.object({
  dailyLimit: policyFields.dailyLimit.default(null),
  recontactAfterDays: policyFields.recontactAfterDays.default(30),
  dailyRunCron: policyFields.dailyRunCron.default("0 9 * * *"),
  dailyRunEnabled: policyFields.dailyRunEnabled.default(true),
  /** Without a pack for the account's country; with one, registry takes the days that it leaves open. */
  runWeekdays: policyFields.runWeekdays.default([1, 2, 3, 4, 5, 6]),
  lowBalanceBelow: policyFields.lowBalanceBelow.default(null),
});
/** What a change names, and nothing more: `accountPolicy.partial()` would fill in the defaults and so reset the rest. */
export const accountPolicyChange = z.object(policyFields).partial();
export type AccountPolicyChange = z.output<typeof accountPolicyChange>;
export type AccountPolicySettings = z.output<typeof accountPolicy>;

export const accountCreated = defineEvent(
  "AccountCreated",
  1,
  z.object({
    account: accountId,
    name: z.string(),
    timeZone,
    country: z.string().length(2),
    secret: personal("secret"),
    policy: accountPolicy,
  }),
);
export const apiKeyAdded = defineEvent(
  "ApiKeyAdded",
  1,
  z.object({ key: z.string(), hash: z.string(), scopes: z.array(z.enum(["read", "write", "admin"])), label: z.string() }),
);
export const apiKeyRevoked = defineEvent("ApiKeyRevoked", 1, z.object({ key: z.string() }));
export const providerConnected = defineEvent(
  "ProviderConnected",
  1,
  z.object({ provider: smsProvider, line: lineId, credentials: sealed }),
);
export const providerDisconnected = defineEvent("ProviderDisconnected", 1, z.object({ provider: smsProvider, line: lineId }));
export const accountPolicyChanged = defineEvent("AccountPolicyChanged", 1, z.object({ policy: accountPolicy }));
/** The account has read the plain-language notice about writing to owners with an offer to buy, and takes it on itself. */
export const offerToBuyConfirmed = defineEvent("OfferToBuyConfirmed", 1, z.object({ by: z.string(), at: instant, notice: z.string() }));
export const accountPaused = defineEvent("AccountPaused", 1, z.object({ by: z.string() }));
export const accountResumed = defineEvent("AccountResumed", 1, z.object({ by: z.string() }));
export const accountEvents = [
  accountCreated,
  apiKeyAdded,
  apiKeyRevoked,
  providerConnected,
  providerDisconnected,
  accountPolicyChanged,
  offerToBuyConfirmed,
  accountPaused,
  accountResumed,
] as const;
export type AccountEvent = EventOf<typeof accountEvents>;

// --- person: one number as one account knows it -------------------------------------------------------------------------------------

export const optOutBy = z.enum(["keyword", "api", "console", "voice", "cli"]);
export const permitRequest = z.object({
  contact: contactId,
  attempt: z.int().min(1),
  hunt: huntId.optional(),
  channel,
  purpose,
  legalBasis,
  noCanvassing: z.boolean().default(false),
  ownerType: z.enum(["private", "trade", "unknown"]).default("unknown"),
  sector: sector.optional(),
});
export type PermitRequest = z.output<typeof permitRequest>;

/** The number is stored here and nowhere else. */
export const personRegistered = defineEvent(
  "PersonRegistered",
  1,
  z.object({ person: personId, number: personal("number"), facts: numberFacts }),
);
export const optedOut = defineEvent(
  "OptedOut",
  1,
  z.object({ by: optOutBy, channel: channel.optional(), proof: z.string().optional(), at: instant }),
);
export const optedIn = defineEvent("OptedIn", 1, z.object({ by: optOutBy, proof: z.string().optional(), at: instant }));
export const consentRecorded = defineEvent(
  "ConsentRecorded",
  1,
  z.object({ source: z.string(), at: instant, text: personal("text").optional(), basis: z.enum(["consent", "existing-customer"]) }),
);
export const consentWithdrawn = defineEvent("ConsentWithdrawn", 1, z.object({ at: instant }));
/** "Not interested": said to us, starts the pack's cool-down. */
export const refusalRecorded = defineEvent("RefusalRecorded", 1, z.object({ channel, at: instant }));
export const attemptPermitted = defineEvent("AttemptPermitted", 2, permitRequest, sectorSince2);
export const attemptDenied = defineEvent(
  "AttemptDenied",
  1,
  z.object({ contact: contactId, attempt: z.int(), hunt: huntId.optional(), rule, until: instant.optional() }),
);
/** The attempt never left or was refused by the provider: it does not count as a contact. */
export const permitReturned = defineEvent("PermitReturned", 1, z.object({ contact: contactId, attempt: z.int(), because: z.string() }));
export const personErased = defineEvent("PersonErased", 1, z.object({ by: z.string() }));
export const personKeyDestroyed = defineEvent("PersonKeyDestroyed", 1, z.object({}));
const openPersonFields = {
  person: personId,
  number: personal("number"),
  facts: numberFacts,
  optedOut: z.object({ at: instant, by: optOutBy }).optional(),
  consents: z.array(z.object({ at: instant, source: z.string(), basis: z.enum(["consent", "existing-customer"]) })),
  /** The last time that the person said no. */
  refusedAt: instant.optional(),
  /** Counted permits, oldest first, as far back as any rule looks. */
  attempts: z.array(z.object({ contact: contactId, attempt: z.int(), at: instant, channel, purpose, hunt: huntId.optional() })),
  /** The last denials, oldest first, so that each is recorded once. */
  denials: z.array(z.object({ contact: contactId, attempt: z.int(), rule })),
};
/** Everything that is open about a person. */
export const openPerson = z.discriminatedUnion("status", [
  z.object({ status: z.literal("known"), ...openPersonFields }),
  z.object({ status: z.literal("erased"), ...openPersonFields, erasedAt: instant, keyDestroyed: z.boolean() }),
]);
export type OpenPerson = z.output<typeof openPerson>;
/** A closing event: the whole open state, so that a fold begins here. */
export const personClosed = defineEvent("PersonClosed", 1, z.object({ state: openPerson, commands: z.array(z.string()) }));
export const personEvents = [
  personRegistered,
  optedOut,
  optedIn,
  consentRecorded,
  consentWithdrawn,
  refusalRecorded,
  attemptPermitted,
  attemptDenied,
  permitReturned,
  personErased,
  personKeyDestroyed,
  personClosed,
] as const;
export type PersonEvent = EventOf<typeof personEvents>;

// --- erasure: said once more on a subject of its own, for whoever must act on it without reading every permit ---------------------------

/** The person has been erased: what still waits for them ends now. */
export const erasureAnnounced = defineEvent("ErasureAnnounced", 1, z.object({ person: personId }));
export const erasureEvents = [erasureAnnounced] as const;
export type ErasureEvent = EventOf<typeof erasureEvents>;
export const erasureCodec = codecOf(erasureEvents);

export const accountCodec = codecOf(accountEvents);
export const personCodec = codecOf(personEvents);
/** Everything that stands in the stream REGISTRY: whoever reads all of it stops at what it does not know. */
export const registryEvents = [...accountEvents, ...personEvents, ...erasureEvents] as const;
export type RegistryEvent = EventOf<typeof registryEvents>;
export const registryCodec = codecOf(registryEvents);
