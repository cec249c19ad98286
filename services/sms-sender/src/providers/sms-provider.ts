import type { SmsProviderName } from "@outrider/contracts/fields";
import type { Personal } from "@outrider/platform";

/** What one request to a provider came to. Four ways, because the network has four: `unknown` is not `rejected`. */
export type SendOutcome =
  /** `providerId` is one of its kind in the account, whatever other vendors it has: an adapter whose vendor counts from 1 adds its own name. */
  | { readonly kind: "accepted"; readonly providerId: string }
  /** For good, by the provider's own word about this message. */
  | { readonly kind: "rejected"; readonly reason: string }
  /** For now; try again after `waitMs`. */
  | { readonly kind: "refused-for-now"; readonly reason: string; readonly waitMs: number }
  /** The request may have left and no usable answer came. */
  | { readonly kind: "unknown"; readonly cause: string }
  /** Certainly nothing was sent. `line`: why no message of this line would be: the line pauses, and the message is not to blame. */
  | { readonly kind: "not-sent"; readonly cause: string; readonly line?: string };

/** A message as the provider's own log shows it. */
export interface LoggedMessage {
  readonly providerId: string;
  readonly to: string;
  readonly text: string;
  readonly at: string;
}

/** What became of a message, as the provider's log shows it. `pending`: nothing that it tells, or it does not know the message. */
export type MessageStatus = { readonly kind: "pending" } | { readonly kind: "sent" | "failed"; readonly at: string };

export interface InboundMessage {
  /** The provider's own id of the message: its natural key. */
  readonly key: string;
  readonly from: Personal<string>;
  readonly text: Personal<string>;
  readonly at: string;
}

/** What a webhook says, after its signature was checked. */
export type WebhookNews =
  | { readonly kind: "sent" | "delivered"; readonly providerId: string; readonly event: string; readonly at: string }
  | { readonly kind: "failed"; readonly providerId: string; readonly event: string; readonly at: string; readonly reason: string }
  | { readonly kind: "inbound"; readonly message: InboundMessage }
  /** Nothing that concerns us, or not from the provider; `because` is a slug. */
  | { readonly kind: "ignored"; readonly because: string };

export interface WebhookToRead {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Those of all lines of the account; one of them must have signed. None: unsigned ones are taken, the secret path is the proof. */
  readonly secrets: readonly string[];
  /** When the gateway received it, real time: signatures are old after five minutes of that. */
  readonly receivedAt: string;
}

/** One line's access to its provider, opened. */
export interface ProviderAccess {
  readonly apiKey: string;
  readonly webhookSecret?: string | undefined;
}

/** Sends one text to one number. Named for the need; each vendor is one adapter beside it, and all pass one contract test. */
export interface SmsProvider {
  readonly name: SmsProviderName;
  /** Never throws. `until` is aborted when the attempt is over; `beforeWriting` is asked right before the request is written. */
  readonly send: (
    access: ProviderAccess,
    message: { readonly to: Personal<string>; readonly text: Personal<string> },
    guard: { readonly until: AbortSignal; readonly beforeWriting: () => boolean },
  ) => Promise<SendOutcome>;
  /** Messages like this one since a moment; undefined when the provider cannot be asked now. */
  readonly findSent: (
    access: ProviderAccess,
    like: { readonly to: Personal<string>; readonly text: Personal<string>; readonly since: string },
  ) => Promise<readonly LoggedMessage[] | undefined>;
  /** Of one accepted message; undefined when the provider cannot be asked now. */
  readonly statusOf: (access: ProviderAccess, providerId: string) => Promise<MessageStatus | undefined>;
  readonly inboundSince: (access: ProviderAccess, since: string) => Promise<readonly InboundMessage[] | undefined>;
  /** undefined: could not be asked. */
  readonly phoneOnline: (access: ProviderAccess) => Promise<boolean | "key-refused" | undefined>;
  readonly readWebhook: (webhook: WebhookToRead) => WebhookNews;
}

/** One adapter for each vendor that accounts may choose. */
export type SmsProviders = Readonly<Record<SmsProviderName, SmsProvider>>;

/** A line's provider and the line's access to it. */
export interface Connected {
  readonly provider: SmsProvider;
  readonly access: ProviderAccess;
}
