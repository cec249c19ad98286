import type { ServiceName } from "./commands.ts";
import { type AccountId, partitionOf } from "./ids.ts";

/** A stream as it is declared. Only what stands here is compared with the server; the rest is the server's own business. */
export interface StreamDeclaration {
  readonly name: string;
  readonly subjects: readonly string[];
  /** The only writer, which creates and updates it; `any`: whoever starts first. */
  readonly owner: ServiceName | "any";
  /** Raised with every change here: an older release accepts a newer stream and leaves it alone. */
  readonly revision: number;
  readonly retention: "limits" | "workqueue";
  /** 0: kept for ever. */
  readonly maxAgeDays: number;
  /** Event streams deny delete and purge and allow direct reads. */
  readonly kind: "events" | "schedules" | "letters" | "raw";
  /** Highest message size the stream takes, in bytes. */
  readonly maxMessageBytes: number;
}

const events = (name: string, owner: ServiceName, ...subjects: string[]): StreamDeclaration => ({
  name,
  subjects,
  owner,
  revision: 1,
  retention: "limits",
  maxAgeDays: 0,
  kind: "events",
  maxMessageBytes: 1_000_000,
});

export const streams = {
  registry: { ...events("REGISTRY", "registry", "registry.account.>", "registry.person.>", "registry.erasure.>"), revision: 2 },
  ads: events("ADS", "scraping-ingest", "ads.ad.>", "ads.import.>"),
  hunts: events("HUNTS", "hunt-allocator", "hunts.hunt.>", "hunts.run.>"),
  sms: events("SMS", "sms-sender", "sms.contact.>", "sms.ref.>", "sms.inbound.>", "sms.line.>"),
  ledger: events("LEDGER", "credit-ledger", "ledger.balance.>"),
  inbox: { ...events("INBOX", "gateway", "inbox.>"), kind: "raw", maxAgeDays: 30 },
  /** Files on their way to the importer, in sealed pieces; purged when the import has finished. */
  uploads: { ...events("UPLOADS", "gateway", "uploads.>"), kind: "raw", maxAgeDays: 7 },
  schedule: { ...events("SCHEDULE", "gateway", "schedule.>", "due.>"), owner: "any", kind: "schedules", retention: "workqueue" },
  dead: { ...events("DEAD", "gateway", "dead.>"), owner: "any", kind: "letters", maxAgeDays: 30 },
} as const satisfies Record<string, StreamDeclaration>;

/** One aggregate is one literal subject: `<context>.<aggregate>.<p>.<account>.<id>`. */
export type AggregateSubject = `${string}.${string}.${string}.${string}.${string}`;

const aggregate = (kind: string, account: AccountId, id: string): AggregateSubject =>
  `${kind}.${partitionOf(account)}.${account}.${id}` as AggregateSubject;

/** The subject of each aggregate. The ids inside are checked tokens, so no subject can be broken or widened by its id. */
export const subjects = {
  account: (account: AccountId) => aggregate("registry.account", account, account),
  person: (account: AccountId, person: string) => aggregate("registry.person", account, person),
  erasure: (account: AccountId, person: string) => aggregate("registry.erasure", account, person),
  ad: (account: AccountId, ad: string) => aggregate("ads.ad", account, ad),
  import: (account: AccountId, id: string) => aggregate("ads.import", account, id),
  hunt: (account: AccountId, hunt: string) => aggregate("hunts.hunt", account, hunt),
  run: (account: AccountId, run: string) => aggregate("hunts.run", account, run),
  smsContact: (account: AccountId, contact: string) => aggregate("sms.contact", account, contact),
  smsRef: (account: AccountId, ref: string) => aggregate("sms.ref", account, ref),
  smsInbound: (account: AccountId, inbound: string) => aggregate("sms.inbound", account, inbound),
  smsLine: (account: AccountId, line: string) => aggregate("sms.line", account, line),
  balance: (account: AccountId) => aggregate("ledger.balance", account, account),
  inbox: (provider: string, account: AccountId) => `inbox.${provider}.${partitionOf(account)}.${account}`,
  upload: (account: AccountId, id: string) => `uploads.${partitionOf(account)}.${account}.${id}`,
  dead: (service: string, consumer: string) => `dead.${service}.${consumer}`,
} as const;

/** The context, aggregate kind, account and id inside an aggregate's subject; undefined for a subject of another form. */
export const parseSubject = (subject: string): { readonly kind: string; readonly account: string; readonly id: string } | undefined => {
  const [context, kind, , account, id, ...more] = subject.split(".");
  return context !== undefined && kind !== undefined && account !== undefined && id !== undefined && more.length === 0
    ? { kind: `${context}.${kind}`, account, id }
    : undefined;
};

/** The provider and account of a webhook's subject, `inbox.<provider>.<p>.<account>`. */
export const parseInboxSubject = (subject: string): { readonly provider: string; readonly account: string } | undefined => {
  const [context, provider, , account, ...more] = subject.split(".");
  return context === "inbox" && provider !== undefined && account !== undefined && more.length === 0 ? { provider, account } : undefined;
};

/** Whose a stored message is: an aggregate's, a webhook, a piece of a file, or an alarm that is due. Undefined: nobody's that we know. */
export const accountOfSubject = (subject: string): string | undefined => {
  const tokens = subject.split(".");
  switch (tokens[0]) {
    case "inbox":
      return parseInboxSubject(subject)?.account;
    case "uploads":
      return tokens.length === 4 ? tokens[2] : undefined;
    case "due": // due.<service>.<name>.<p>.<account>.<id>
      return tokens.length === 6 ? tokens[4] : undefined;
    default:
      return parseSubject(subject)?.account;
  }
};

/** Fields in the metadata of the bucket of keys, by what they tell. */
export const storeMark = { providers: "outrider-providers", masterKey: "outrider-master-key" } as const;

/** KV buckets, by use. */
export const buckets = { keys: "outrider-keys", leases: "outrider-leases", positions: "outrider-positions" } as const;
