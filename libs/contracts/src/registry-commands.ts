import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { sealed } from "./define.ts";
import { channel, instant, numberFacts, rule, smsProvider, timeZone } from "./fields.ts";
import { accountId, adId, contactId, huntId, lineId, personId } from "./ids.ts";
import { accountPolicy, accountPolicyChange, optOutBy, permitRequest } from "./registry.ts";

/** `permitted` holds for one second of the asker's monotonic clock, from the asking on. */
export const permitAnswer = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("permitted"), number: sealed }),
  z.object({ kind: z.literal("deferred"), until: instant, rule, remedy: z.string() }),
  z.object({ kind: z.literal("denied"), rule, remedy: z.string() }),
]);
export type PermitAnswer = z.output<typeof permitAnswer>;

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
      /** What is not named has its default; `runWeekdays`: the days that the country's own rules leave open for prospecting by message. */
      policy: accountPolicyChange.default({}),
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
      /** The text that has to be confirmed. A replica of an earlier release does not tell it. */
      offerToBuyNotice: z.string().optional(),
      providers: z.array(z.object({ provider: smsProvider, line: lineId, credentials: sealed })),
      /** Those that open something. A replica of an earlier release does not tell them. */
      keys: z.array(z.object({ key: z.string(), label: z.string(), scopes: z.array(z.enum(["read", "write", "admin"])) })).optional(),
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
    z.object({ account: accountId, provider: smsProvider, line: lineId, credentials: sealed }),
    changed,
  ),
  disconnectProvider: defineCommand(
    "registry",
    "disconnect-provider",
    z.object({ account: accountId, provider: smsProvider, line: lineId }),
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
