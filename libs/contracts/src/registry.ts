import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { codecOf, defineEvent, type EventOf, personal, sealed } from "./define.ts";
import { channel, instant, legalBasis, numberFacts, purpose, rule, timeZone, weekdays } from "./fields.ts";
import { accountId, adId, contactId, huntId, lineId, personId } from "./ids.ts";

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
  runWeekdays: policyFields.runWeekdays.default([1, 2, 3, 4, 5, 6]),
  lowBalanceBelow: policyFields.lowBalanceBelow.default(null),
});
/** What a change names, and nothing more: `accountPolicy.partial()` would fill in the defaults and so reset the rest. */
export const accountPolicyChange = z.object(policyFields).partial();
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
  z.object({ provider: z.enum(["smsmobileapi"]), line: lineId, credentials: sealed }),
);
export const providerDisconnected = defineEvent("ProviderDisconnected", 1, z.object({ provider: z.enum(["smsmobileapi"]), line: lineId }));
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
export const attemptPermitted = defineEvent("AttemptPermitted", 1, permitRequest);
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

export const accountCodec = codecOf(accountEvents);
export const personCodec = codecOf(personEvents);
export const registryCodec = codecOf([...accountEvents, ...personEvents] as const);

/** `permitted` holds for one second of the asker's monotonic clock, from the asking on. */
export const permitAnswer = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("permitted"), number: sealed }),
  z.object({ kind: z.literal("deferred"), until: instant, rule, remedy: z.string() }),
  z.object({ kind: z.literal("denied"), rule, remedy: z.string() }),
]);
export type PermitAnswer = z.output<typeof permitAnswer>;

// --- what registry answers ------------------------------------------------------------------------------------------------------------

const account = z.object({ account: accountId });
const changed = z.object({ seq: z.int() });
const about = z.object({ account: accountId, person: personId });

export const registryCommands = {
  createAccount: defineCommand(
    "registry",
    "create-account",
    z.object({
      account: accountId,
      name: z.string().min(1).max(200),
      timeZone: timeZone.default("Europe/Paris"),
      country: z.string().length(2).default("FR"),
      policy: accountPolicy.prefault({}),
      /** SHA-256 (hex) of the first API key; the key itself never leaves whoever made it. */
      apiKey: z.object({ key: z.string(), hash: z.string(), scopes: z.array(z.enum(["read", "write", "admin"])), label: z.string() }),
    }),
    z.object({ account: accountId, created: z.boolean(), seq: z.int() }),
  ),
  authenticate: defineCommand(
    "registry",
    "authenticate",
    z.object({ account: accountId, hash: z.string() }),
    z.object({ scopes: z.array(z.enum(["read", "write", "admin"])) }),
  ),
  account: defineCommand(
    "registry",
    "account",
    account,
    z.object({
      account: accountId,
      name: z.string(),
      timeZone: z.string(),
      country: z.string(),
      policy: accountPolicy,
      paused: z.boolean(),
      offerToBuyConfirmed: z.object({ by: z.string(), at: z.string() }).optional(),
      providers: z.array(z.object({ provider: z.string(), line: lineId, credentials: sealed })),
      revision: z.int(),
    }),
  ),
  addApiKey: defineCommand(
    "registry",
    "add-api-key",
    z.object({
      account: accountId,
      key: z.string(),
      hash: z.string(),
      scopes: z.array(z.enum(["read", "write", "admin"])),
      label: z.string(),
    }),
    changed,
  ),
  revokeApiKey: defineCommand("registry", "revoke-api-key", z.object({ account: accountId, key: z.string() }), changed),
  connectProvider: defineCommand(
    "registry",
    "connect-provider",
    z.object({ account: accountId, provider: z.enum(["smsmobileapi"]), line: lineId, credentials: sealed }),
    changed,
  ),
  disconnectProvider: defineCommand(
    "registry",
    "disconnect-provider",
    z.object({ account: accountId, provider: z.enum(["smsmobileapi"]), line: lineId }),
    changed,
  ),
  changePolicy: defineCommand("registry", "change-policy", z.object({ account: accountId, policy: accountPolicyChange }), changed),
  confirmOfferToBuy: defineCommand(
    "registry",
    "confirm-offer-to-buy",
    z.object({ account: accountId, by: z.string(), notice: z.string() }),
    changed,
  ),
  /** Account `system` pauses everything. */
  pause: defineCommand("registry", "pause", z.object({ account: accountId, by: z.string() }), changed),
  resume: defineCommand("registry", "resume", z.object({ account: accountId, by: z.string() }), changed),

  /** Up to 500 numbers (E.164 or national, sealed by the account's key); answers in order. Unknown people are registered. */
  people: defineCommand(
    "registry",
    "people",
    z.object({
      account: accountId,
      numbers: z.array(sealed).min(1).max(500),
      postalCodes: z.array(z.string().nullable()).optional(),
      register: z.boolean().default(true),
    }),
    z.object({
      people: z.array(
        z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("person"), person: personId, facts: numberFacts, erased: z.boolean() }),
          z.object({ kind: z.literal("unknown"), person: personId, facts: numberFacts }),
          z.object({ kind: z.literal("invalid"), reason: z.string() }),
        ]),
      ),
    }),
  ),
  /** Asked when the contact's turn has come, anew for every attempt and every asking. */
  permit: defineCommand("registry", "permit", about.extend({ request: permitRequest }), permitAnswer),
  /** The sealed number, for reconciliation with a provider. */
  number: defineCommand("registry", "number", about, z.object({ number: sealed.nullable() })),
  optOut: defineCommand(
    "registry",
    "opt-out",
    about.extend({ by: optOutBy, channel: channel.optional(), proof: z.string().optional() }),
    changed,
  ),
  optIn: defineCommand("registry", "opt-in", about.extend({ by: optOutBy, proof: z.string().optional() }), changed),
  recordConsent: defineCommand(
    "registry",
    "record-consent",
    about.extend({
      source: z.string().min(1),
      text: sealed.optional(),
      basis: z.enum(["consent", "existing-customer"]).default("consent"),
      at: instant,
    }),
    changed,
  ),
  withdrawConsent: defineCommand("registry", "withdraw-consent", about, changed),
  recordRefusal: defineCommand("registry", "record-refusal", about.extend({ channel }), changed),
  erase: defineCommand("registry", "erase", about.extend({ by: z.string() }), changed),
  /** Everything the person's own aggregate knows, and what the gate says now. */
  whyPerson: defineCommand(
    "registry",
    "why-person",
    about.extend({ request: permitRequest.partial().optional(), ad: adId.optional() }),
    z.object({
      known: z.boolean(),
      facts: numberFacts.optional(),
      optedOut: z.object({ at: z.string(), by: z.string() }).optional(),
      erased: z.boolean(),
      consents: z.array(z.object({ at: z.string(), source: z.string(), basis: z.string() })),
      attempts: z.array(z.object({ at: z.string(), hunt: huntId.optional(), contact: contactId, channel })),
      verdict: z.object({ kind: z.string(), rule: z.string().optional(), until: z.string().optional(), remedy: z.string().optional() }),
      history: z.array(z.object({ at: z.string(), type: z.string(), rule: z.string().optional() })),
    }),
  ),
  /** Personal values opened for an export; asked by the gateway with an admin key only. */
  exportPerson: defineCommand(
    "registry",
    "export-person",
    about,
    z.object({ person: personId, number: z.string(), facts: numberFacts, events: z.array(z.unknown()) }),
  ),
  ...inspection("registry"),
} as const;

export { legalBasis };
