import { type Consumer, DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import { Unavailable } from "./errors.ts";
import type { Position, Positions } from "./follow.ts";
import { type Kernel, pauseFor, templateOf } from "./kernel.ts";
import type { Lease } from "./lease.ts";
import { stretchOf } from "./reading.ts";
import { abreast, type Regular, type RegularOptions, regularly } from "./regularly.ts";
import type { Cause, Codec } from "./store.ts";
import { type Remembered, type Stance, type Waiting, whoWaits } from "./waiting.ts";

export interface OverdueOptions<Event> extends RegularOptions {
  readonly stream: string;
  readonly filters: readonly string[];
  readonly codec: Codec<Event>;
  readonly stance: (event: Event) => Stance;
  /** The real moment (ms) at which the aggregate should have moved, by its state as its leader tells it now; undefined: it waits for none. */
  readonly nextMoment: (waiting: Waiting) => Promise<number | undefined>;
  /** Does what the lost schedule would have done: safe to repeat, and the aggregate decides. */
  readonly react: (waiting: Waiting, because: Omit<Cause, "commandId" | "at">) => Promise<unknown>;
  /** Up to the stored position everything has been looked at and waits for nothing: an idle system is not read again. */
  readonly positions: Positions;
  /** How far past its moment an aggregate is overdue, ms. Whatever has moved within this time is not looked at. */
  readonly lateMs: number;
  /** What has waited longer than this is given up, and left to people, ms. */
  readonly lookBackMs: number;
  /** Aggregates that are remembered between two looks, at most: those beyond are found again in the stream. */
  readonly remembered?: number;
  /** Aggregates that are folded or react at the same time. */
  readonly concurrency?: number;
}

const messagesFetched = 500;
/** After so many messages the reading rests, so that a look takes a small share of a busy process and server. */
const restMs = 10;

/**
 * At the start and regularly, aggregates that are past their moment react again, whatever became of the schedule that should have woken
 * them. Reads what the stream holds since the last look, remembers who waits, and folds those alone whose moment is not known or is past.
 * One that does not move for it reacts again after twice as long each time.
 */
export const overdue = <Event>(kernel: Kernel, options: OverdueOptions<Event>): Regular => {
  const { name, stream, positions, remembered = 10_000, concurrency = 4 } = options;
  const { instruments } = kernel;
  const waiting = whoWaits(options.codec, options.stance, remembered);
  const check = checking(kernel, options);
  let readTo: Position | undefined;

  const checkAll = async (lease: Lease, stop: AbortSignal): Promise<number> => {
    let reacted = 0;
    await abreast(waiting.all(), concurrency, async (one) => {
      if (lease.lost.aborted || stop.aborted) throw new Unavailable("the look's turn is over");
      const checked = await check(one);
      if (checked === "waits for nothing") waiting.drop(one);
      if (checked === "reacted") reacted += 1;
    });
    if (waiting.isFull()) waiting.leaveOut();
    return reacted;
  };

  const read = async ({ created, last }: { readonly created: string; readonly last: number }, lease: Lease, stop: AbortSignal) => {
    let [count, reacted] = [0, 0];
    for await (const message of messagesAfter(kernel, options, readTo, last, [stop, lease.lost])) {
      waiting.take(message);
      readTo = { created, seq: message.seq };
      if (++count % messagesFetched > 0) continue;
      if (waiting.isFull()) reacted += await checkAll(lease, stop);
      await pauseFor(restMs, stop);
    }
    readTo = { created, seq: last };
    return reacted;
  };

  const look = async (lease: Lease, stop: AbortSignal): Promise<void> => {
    const stored = await positions.load();
    const { created, state } = await kernel.jsm.streams.info(stream);
    const fits = (position: Position | undefined): boolean => position?.created === created && position.seq <= state.last_seq;
    if (!fits(readTo)) {
      waiting.reset();
      readTo = fits(stored) ? stored : undefined;
    }
    let reacted = 0;
    if (readTo === undefined || readTo.seq < state.last_seq) reacted += await read({ created, last: state.last_seq }, lease, stop);
    reacted += await checkAll(lease, stop);
    if (lease.lost.aborted) return;
    const settled = { created, seq: waiting.settled(state.last_seq) };
    if (stored?.created !== created || stored.seq !== settled.seq) await positions.save(settled, lease.epoch);
    if (waiting.hasLeftOut()) {
      waiting.reset();
      readTo = settled;
    }
    instruments.gauge("outrider_waiting_aggregates", { look: name }, waiting.size());
    if (reacted > 0) instruments.log("warn", "what was past its moment reacted again: its schedule was lost or late", { name, reacted });
  };

  return regularly(kernel, options, look);
};

/** After a position, or as far back as is looked, up to what was the last message when the look began. */
async function* messagesAfter<Event>(
  kernel: Kernel,
  { name, stream, filters, lookBackMs }: OverdueOptions<Event>,
  position: Position | undefined,
  last: number,
  signals: readonly AbortSignal[],
): AsyncGenerator<JsMsg> {
  const from =
    position === undefined
      ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(Date.now() - lookBackMs).toISOString() }
      : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: position.seq + 1 };
  const consumer = await kernel.js.consumers.get(stream, { ...from, filter_subjects: [...filters] });
  try {
    if ((await consumer.info(true)).num_pending === 0) return;
    const stretch = await stretchOf(kernel, consumer, messagesFetched, signals);
    try {
      for await (const message of stretch.messages) {
        if (stretch.over()) break;
        yield message;
        if (message.info.pending === 0 || message.seq >= last) return;
      }
    } finally {
      await stretch.close();
    }
  } finally {
    await letGo(kernel, consumer, name);
  }
  throw new Unavailable(`the rest of stream ${stream} did not come`);
}

/** The server would keep the consumer for minutes. */
const letGo = async ({ nats, instruments }: Kernel, consumer: Consumer, name: string): Promise<void> => {
  if (nats.isClosed() || nats.isDraining()) return;
  await consumer.delete().catch((error: unknown) => instruments.log("debug", "a look's consumer is left to run out", { name, error }));
};

/** Whether it is late, and if so, its reaction. */
const checking = <Event>(
  { instruments, service }: Kernel,
  { name, stream, lateMs, lookBackMs, everyMs, nextMoment, react }: OverdueOptions<Event>,
) => {
  /** One that cannot be folded or cannot react holds up no other. */
  const unlessFailed = async <T>(one: Remembered, work: () => Promise<T>): Promise<T | "failed"> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      instruments.count("outrider_overdue_total", { look: name, outcome: "failed" });
      instruments.log("error", "an overdue aggregate could not react", { name, stream, seq: one.revision, error });
      return "failed";
    }
  };
  const again = async (one: Remembered, nowMs: number): Promise<void> => {
    const { subject, revision, cause } = one;
    one.reactions += 1;
    one.notBeforeMs = nowMs + everyMs * (2 ** Math.min(one.reactions, 10) - 1.5);
    delete one.moment;
    const span = { name: `overdue ${templateOf(subject)}`, kind: "consumer", parent: cause.traceparent } as const;
    await instruments.span(span, (traceparent) =>
      react(one, { ...cause, traceparent, causation: `${stream}:${revision}`, actor: service }),
    );
    instruments.count("outrider_overdue_total", { look: name, outcome: "reacted" });
  };
  return async (one: Remembered): Promise<"reacted" | "not yet" | "waits for nothing"> => {
    const nowMs = Date.now();
    if (nowMs - one.storedMs < lateMs || nowMs < one.notBeforeMs) return "not yet";
    // A moment that is past may have been moved without a word from the aggregate itself.
    if (one.moment === undefined || one.moment + lateMs <= nowMs) {
      if (nowMs - one.storedMs > lookBackMs) return "waits for nothing";
      const moment = await unlessFailed(one, () => nextMoment(one));
      if (moment === "failed") return "not yet";
      if (moment === undefined) return "waits for nothing";
      one.moment = moment;
    }
    if (one.moment + lateMs > nowMs) return "not yet";
    return (await unlessFailed(one, () => again(one, nowMs))) === "failed" ? "not yet" : "reacted";
  };
};
