import { contactCodec } from "@outrider/contracts/contact";
import { runCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId } from "@outrider/contracts/ids";
import { type LedgerEvent, outcomesAtOnce } from "@outrider/contracts/ledger";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import {
  type AcquireLease,
  type Aggregate,
  abreast,
  type Followed,
  type Follower,
  type FollowOptions,
  follow,
  type Kernel,
  type Positions,
  type SpanStart,
} from "@outrider/eventing";
import type { Clock } from "@outrider/platform";
import type { Balance, BalanceCommand, BalanceRefusal, Outcome } from "./balance.ts";
import { followed, type LedgerConfig, names } from "./config.ts";
import { contactOutcomes, parts, runOutcomes } from "./outcomes.ts";

export type Balances = Aggregate<Balance, BalanceCommand, LedgerEvent, BalanceRefusal>;

/** What the ledger's reactions need of the running service. */
export interface LedgerParts {
  readonly kernel: Kernel;
  readonly balances: Balances;
  readonly clock: Pick<Clock, "now" | "nowMs" | "toReal">;
  readonly acquire: AcquireLease;
  readonly positions: { readonly sms: Positions; readonly hunts: Positions };
  /** The account's own mark for a low balance; undefined: none. */
  readonly lowBelow: (account: AccountId) => number | undefined;
  readonly config: Pick<LedgerConfig, "LEDGER_BATCH_MESSAGES" | "LEDGER_LINGER_MS" | "LEDGER_ACCOUNTS_AT_ONCE" | "LEDGER_CLAIM_GRACE_MS">;
}

/** One account's share of a batch, in stream order, one entry per message. */
interface Share {
  readonly account: AccountId;
  readonly messages: (readonly Outcome[])[];
  /** By the sequence of a message: the trace that it belongs to. */
  readonly traces: Map<number, string>;
  last: Followed<unknown>;
}

type Reads<Event> = (id: string, seq: number, events: readonly Event[]) => readonly Outcome[];

const shares = <Event>(batch: readonly Followed<Event>[], reads: Reads<Event>): readonly Share[] => {
  const byAccount = new Map<string, Share>();
  for (const message of batch) {
    const about = parseSubject(message.subject);
    if (about === undefined) continue;
    const outcomes = reads(about.id, message.revision, message.events);
    if (outcomes.length === 0) continue;
    const share: Share = byAccount.get(about.account) ?? {
      ...{ account: accountId.parse(about.account), messages: [], traces: new Map(), last: message },
    };
    share.messages.push(outcomes);
    if (message.traceparent !== undefined) share.traces.set(message.revision, message.traceparent);
    share.last = message;
    byAccount.set(about.account, share);
  }
  return [...byAccount.values()];
};

/** One decision settles many contacts: it goes on in the trace of the last, and its span is linked with the traces of all. */
const spanOf = (stream: string, outcomes: readonly Outcome[], traces: ReadonlyMap<number, string>): SpanStart => {
  const byTrace = new Map<string, string>();
  let parent: string | undefined;
  for (const { seq } of outcomes) {
    parent = traces.get(seq) ?? parent;
    if (parent !== undefined) byTrace.set(traceIdOf(parent), parent);
  }
  return {
    name: "process ledger.balance",
    kind: "consumer",
    parent,
    links: [...byTrace.values()],
    attributes: {
      "messaging.system": "nats",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": stream,
      "messaging.batch.message_count": outcomes.length,
    },
  };
};

/** Of a W3C traceparent. */
const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35);

const settle = async (ledger: LedgerParts, stream: string, { account, messages, traces, last }: Share): Promise<void> => {
  for (const outcomes of parts(messages, outcomesAtOnce)) {
    const seq = outcomes.at(-1)?.seq ?? last.revision;
    const settled = await ledger.kernel.instruments.span(spanOf(stream, outcomes, traces), (traceparent) =>
      ledger.balances.execute(
        subjects.balance(account),
        { type: "Settle", stream, outcomes, lowBelow: ledger.lowBelow(account) },
        {
          commandId: `${stream}:${seq}:settle`,
          at: ledger.clock.now(),
          correlation: last.correlation,
          causation: `${stream}:${seq}`,
          actor: names.actor,
          traceparent,
        },
      ),
    );
    if (settled.kind === "appended") tell(ledger.kernel, account, settled.events);
  }
};

export const tell = ({ instruments }: Kernel, account: AccountId, events: readonly LedgerEvent[]): void => {
  for (const event of events) {
    if (event.type === "BalanceLow") instruments.log("warn", "the credits of an account run low", { account, ...event.data });
    if (event.type === "ReservationsChecked") {
      const { released } = event.data;
      const credits = released.reduce((sum, each) => sum + each.credits, 0);
      if (credits > 0) instruments.log("warn", "requests were never made; their credits were given back", { account, credits });
      instruments.count("outrider_credits_total", { kind: "released" }, credits);
    }
    if (event.type !== "OutcomesSettled") continue;
    for (const { kind, credits, named, seq, reservation } of event.data.outcomes) {
      instruments.count("outrider_credits_total", { kind }, credits);
      if (named === undefined) continue;
      instruments.count("outrider_credits_not_covered_total", { kind }, named - credits);
      instruments.log("error", "an outcome named more credits than its reservation holds", { account, reservation, seq, named, credits });
    }
  }
};

/**
 * Follows one stream and settles what its messages say, each account's share of a batch in one decision. Safe to repeat: every balance
 * keeps its own position in the stream.
 */
const settles = <Event>(
  ledger: LedgerParts,
  read: Pick<FollowOptions<Event>, "name" | "stream" | "filters" | "codec" | "positions">,
  reads: Reads<Event>,
): Follower => {
  const { kernel, config, acquire } = ledger;
  const options = { ...read, acquire, batch: config.LEDGER_BATCH_MESSAGES, lingerMs: config.LEDGER_LINGER_MS };
  return follow(kernel, options, (batch) =>
    abreast(shares(batch, reads), config.LEDGER_ACCOUNTS_AT_ONCE, (share) => settle(ledger, read.stream, share)),
  );
};

/** Captures, releases and refunds what became of contacts, and releases what closed passes have left over. */
export const settleOutcomes = (ledger: LedgerParts): readonly Follower[] => {
  const { sms, hunts } = ledger.positions;
  return [
    settles(
      ledger,
      { name: names.followSms, stream: streams.sms.name, filters: followed.sms, codec: contactCodec, positions: sms },
      contactOutcomes,
    ),
    settles(
      ledger,
      { name: names.followHunts, stream: streams.hunts.name, filters: followed.hunts, codec: runCodec, positions: hunts },
      runOutcomes,
    ),
  ];
};
