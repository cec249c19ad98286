import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import type { Sealed } from "@outrider/contracts/define";
import type { SmsProviderName } from "@outrider/contracts/fields";
import { type AccountId, type ContactId, type LineId, partitionOf } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { type InboundEvent, inboundCodec, type LineEvent, lineCodec, type RefEvent, refCodec } from "@outrider/contracts/sms";
import { streams } from "@outrider/contracts/streams";
import {
  type Aggregate,
  aggregate,
  type Cause,
  type EventStore,
  jetStreamStore,
  type Kernel,
  type Schedules,
  schedules,
  Unavailable,
} from "@outrider/eventing";
import { type AccountsWatch, type Service, type SymmetricSealer, symmetricSealer, watchAccounts } from "@outrider/platform";
import { LRUCache } from "lru-cache";
import { atMost, type Slots } from "./at-most.ts";
import { contactsCached, type SmsConfig } from "./config.ts";
import { type Contact, type ContactCommand, type ContactRefusal, contact } from "./contact.ts";
import { type Inbound, type InboundCommand, inbound } from "./inbound.ts";
import { type Line, type LineCommand, type LineRefusal, line } from "./line.ts";
import type { LineNow } from "./line-now.ts";
import { providerKeys } from "./provider-keys.ts";
import type { Connected, SmsProviders } from "./providers/sms-provider.ts";
import { type Ref, type RefCommand, ref } from "./ref.ts";

/** Everything that this service's commands and reactions share. */
export interface Sms {
  readonly service: Service<SmsConfig>;
  readonly kernel: Kernel;
  readonly providers: SmsProviders;
  readonly accounts: AccountsWatch;
  readonly schedules: Schedules;
  readonly sealer: SymmetricSealer;
  readonly contacts: Aggregate<Contact, ContactCommand, ContactEvent, ContactRefusal>;
  readonly lines: Aggregate<Line, LineCommand, LineEvent, LineRefusal>;
  /** The lines' own messages, for whoever reads what turns have ended. */
  readonly lineLog: EventStore<LineEvent>;
  readonly refs: Aggregate<Ref, RefCommand, RefEvent, never>;
  readonly inbounds: Aggregate<Inbound, InboundCommand, InboundEvent, "no-such-message">;
  /** What the leader last said of each line, or is about to, and when it was asked (`performance.now()`). */
  readonly linesNow: LRUCache<string, { readonly asked: number; readonly told: Promise<LineNow> }>;
  /** Attempts share these places, whatever they are due for: who waits for a connection would outlive its permit. */
  readonly slots: Slots;
  /** The line's provider, and the key for it; undefined: not connected. Opened here and handed to the adapter alone. */
  readonly connected: (account: AccountId, line: LineId) => Connected | undefined;
  /** The same for who gives up on a line that is not: throws `Unavailable` while this replica may not have heard of it, or of its new key. */
  readonly stillConnected: (account: AccountId, line: LineId) => Connected | undefined;
  /** The same, asking registry when this replica knows of none: it may not have heard of a line that was just connected. */
  readonly surelyConnected: (account: AccountId, line: LineId, because: Because) => Promise<Connected | undefined>;
  readonly allConnected: (account: AccountId) => readonly Connected[];
}

export const openSms = (service: Service<SmsConfig>, kernel: Kernel, providers: SmsProviders): Sms => {
  const { jsm, publisher } = kernel;
  const stream = streams.sms.name;
  const lineLog = jetStreamStore<LineEvent>({ jsm, publisher, stream, codec: lineCodec });
  const accounts = watchAccounts(kernel);
  const sealer = symmetricSealer(service.config.SMS_API_KEY_ENCRYPTION_KEY, "sms-api-key");
  const openKey = providerKeys(sealer, service.health);
  const opened = (account: AccountId, line: string, known: { provider: SmsProviderName; credentials: Sealed }): Connected => ({
    provider: providers[known.provider],
    access: openKey(account, line, known.credentials),
  });
  const connected: Sms["connected"] = (account, lineName) => {
    const known = accounts.account(account)?.providers.get(lineName);
    return known === undefined ? undefined : opened(account, lineName, known);
  };
  const askedConnected: Sms["surelyConnected"] = async (account, lineName, { correlation, traceparent }) => {
    const { providers: all } = await service.ask(registryCommands.account, { account }, { correlation, traceparent });
    const known = all.find((each) => each.line === lineName);
    return known === undefined ? undefined : opened(account, lineName, known);
  };
  return {
    service,
    kernel,
    providers,
    accounts,
    sealer,
    schedules: schedules(kernel),
    slots: atMost(service.config.ATTEMPTS_AT_ONCE),
    linesNow: new LRUCache({ max: 1000 }),
    contacts: aggregate(jetStreamStore({ jsm, publisher, stream, codec: contactCodec }), contact, { cache: contactsCached, creates: true }),
    lines: aggregate(lineLog, line, { cache: 1000 }),
    lineLog,
    refs: aggregate(jetStreamStore({ jsm, publisher, stream, codec: refCodec }), ref, { cache: 100, creates: true }),
    inbounds: aggregate(jetStreamStore({ jsm, publisher, stream, codec: inboundCodec }), inbound, { cache: 1000, creates: true }),
    connected,
    stillConnected: (account, lineName) => {
      if (!accounts.isCurrent()) throw new Unavailable("which lines are connected is not known now");
      return connected(account, lineName);
    },
    surelyConnected: async (account, lineName, because) => connected(account, lineName) ?? askedConnected(account, lineName, because),
    allConnected: (account) => [...(accounts.account(account)?.providers ?? [])].map(([line, known]) => opened(account, line, known)),
  };
};

/** Who and what a piece of work goes back to; the command id and the time are added where it is used. */
export type Because = Omit<Cause, "commandId" | "at">;

export const causeOf = ({ service }: Sms, because: Because, commandId: string): Cause => ({
  ...because,
  commandId,
  at: service.clock.now(),
});

/** The tokens of a schedule: `<p>.<account>.<id>`. */
export const scheduleKey = (account: AccountId, id: ContactId | LineId | string): string => `${partitionOf(account)}.${account}.${id}`;
