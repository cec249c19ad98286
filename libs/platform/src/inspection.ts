import type { inspection } from "@outrider/contracts/commands";
import { accountOfSubject, parseSubject } from "@outrider/contracts/streams";
import { type Aggregate, deadLetters, type Kernel, type Reaction, type Recorded, Unfoldable } from "@outrider/eventing";
import type { z } from "zod";
import { type CommandHandler, handle } from "./commands/handler.ts";
import { Refusal } from "./commands/refusal.ts";

/** Any aggregate, for reading: commands and events are its own matter. */
// biome-ignore lint/suspicious/noExplicitAny: a list of aggregates of different kinds; only their folds are read.
type AnyAggregate = Pick<Aggregate<any, never, any, string>, "fold" | "history" | "stateAt">;

export interface Inspected {
  /** By the first two tokens of their subjects: `registry.person`. */
  readonly aggregates: Readonly<Record<string, AnyAggregate>>;
  readonly reactions: readonly Reaction[];
}

type Inspection = ReturnType<typeof inspection>;

/** History, state and dead letters, answered from the service's own deciders. */
export const inspectionHandlers = (
  kernel: Kernel,
  commands: Inspection,
  { aggregates, reactions }: Inspected,
): readonly CommandHandler[] => {
  const dead = deadLetters(kernel);
  const aggregateOf = (subject: string): AnyAggregate => {
    const kind = parseSubject(subject)?.kind;
    const found = kind === undefined ? undefined : aggregates[kind];
    if (found === undefined) {
      throw new Refusal("not-found", `this service keeps ${Object.keys(aggregates).join(", ")}; the subject names none of them`);
    }
    return found;
  };
  const letterOf = async (seq: number) => {
    const letter = await dead.show(seq);
    if (letter === undefined) throw new Refusal("not-found", `there is no dead letter ${seq} of this service`);
    return letter;
  };
  return [
    handle(commands.history, async ({ subject, from, limit }) => {
      const steps = await legible(aggregateOf(subject).history(subject, from, limit));
      const entries: Entry[] = [];
      let bytes = 0;
      for (const { recorded, state } of steps) {
        const entry = entryOf(recorded, plain(state));
        const size = Buffer.byteLength(JSON.stringify(entry));
        if (entries.length > 0 && bytes + size > mostBytes) break;
        entries.push(size > mostBytes ? { ...entry, state: { tooLargeToShow: size } } : entry);
        bytes += size;
      }
      const last = entries.at(-1);
      const isMore = entries.length < steps.length || steps.length === limit;
      return last !== undefined && isMore ? { entries, next: last.seq } : { entries };
    }),
    handle(commands.state, async ({ subject, at }) => {
      const aggregate = aggregateOf(subject);
      const { state, revision } = await legible<{ state: unknown; revision: number }>(
        at === undefined ? aggregate.fold(subject) : aggregate.stateAt(subject, at),
      );
      return { revision, state: plain(state) };
    }),
    handle(commands.deadList, async ({ limit, account }) => {
      const isTheirs = ({ subject }: { readonly subject: string }) => accountOfSubject(subject) === account;
      const { letters, total } = await dead.list(limit, account === undefined ? undefined : isTheirs);
      return { letters: [...letters], total };
    }),
    handle(commands.deadShow, async ({ seq }) => ({ letter: await letterOf(seq) })),
    handle(commands.deadRetry, async ({ seq }) => {
      const letter = await letterOf(seq);
      const reaction = reactions.find(({ durable }) => durable === letter.consumer);
      if (reaction === undefined) throw new Refusal("not-found", `${letter.consumer} is not a reaction of this release`);
      const digested = await reaction.retry(letter.seq);
      if (digested.kind === "impossible") throw new Refusal("refused", `it failed again: ${digested.reason}`);
      return { retried: digested.kind === "done" && (await dead.drop(seq)) };
    }),
    handle(commands.deadDrop, async ({ seq }) => ({ dropped: await dead.drop(seq) })),
  ];
};

/** An answer is one message of NATS, which carries 1 MB: states of busy aggregates take some KB each. */
const mostBytes = 512 * 1024;

type Entry = z.output<Inspection["history"]["reply"]>["entries"][number];

const entryOf = (recorded: Recorded<{ readonly type: string; readonly data?: unknown }>, state: unknown): Entry => ({
  seq: recorded.revision,
  at: recorded.at,
  command: recorded.commandId,
  ...(recorded.correlation === undefined ? {} : { correlation: recorded.correlation }),
  ...(recorded.causation === undefined ? {} : { causation: recorded.causation }),
  ...(recorded.actor === undefined ? {} : { actor: recorded.actor }),
  ...(recorded.traceparent === undefined ? {} : { traceparent: recorded.traceparent }),
  events: recorded.events.map(({ type, data }) => ({ type, data })),
  state,
});

/** Whoever looks into a history that holds a message nobody can read is told which one it is. */
const legible = async <T>(reading: Promise<T>): Promise<T> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Unfoldable) throw new Refusal(error.kind === "newer" ? "unavailable" : "conflict", error.message, "not-legible");
    throw error;
  }
};

/** Maps and sets as people read them. */
const plain = (state: unknown): unknown =>
  JSON.parse(
    JSON.stringify(state ?? null, (_key, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value,
    ),
  );
