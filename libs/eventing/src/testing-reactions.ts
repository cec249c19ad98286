import { aggregate } from "./aggregate.ts";
import type { ReactOptions } from "./react.ts";
import { ensureStream } from "./streams.ts";
import { at, codecOfRelease, type TallyEvent, tally } from "./testing-tally.ts";
import { declared, world } from "./testing-world.ts";

/** The trace of every message that `fill` writes. */
export const filledIn = `00-${"d".repeat(32)}-${"e".repeat(16)}-01`;

/** A server, two replicas, and a stream of its own for each test of a reaction. */
export const reactionBench = async () => {
  const all = await world();
  const [one, two] = [await all.replica(), await all.replica()];
  const { jsm } = one.kernel;
  let streams = 0;
  return {
    all,
    one,
    two,
    end: () => all[Symbol.asyncDispose](),
    fresh: async (more: Partial<ReactOptions<TallyEvent>> = {}) => {
      const stream = `R${++streams}`;
      await ensureStream(jsm, declared(stream));
      const codec = codecOfRelease<TallyEvent>(1);
      return { stream, options: { stream, durable: `d${streams}`, filters: [`${stream.toLowerCase()}.>`], codec, ...more } };
    },
    fill: async (stream: string, count: number, account = "a", release = 1): Promise<void> => {
      const tallies = aggregate(one.store(stream, codecOfRelease(release)), tally, { creates: true });
      const add = { type: "Add", key: account, n: 1 } as const;
      const subjects = Array.from({ length: count }, (_, n) => `${stream.toLowerCase()}.${account}.${n}`);
      await Promise.all(subjects.map((subject) => tallies.execute(subject, add, { commandId: subject, at, traceparent: filledIn })));
    },
    /** What a durable has given out and not heard of; 0 while the durable is not made yet. */
    givenOut: async (stream: string, durable: string): Promise<number> => {
      for await (const { name, num_ack_pending } of jsm.consumers.list(stream)) if (name === durable) return num_ack_pending;
      return 0;
    },
    pendingOf: async (stream: string, durable: string): Promise<number> => {
      const { num_ack_pending, num_pending } = await jsm.consumers.info(stream, durable);
      return num_ack_pending + num_pending;
    },
  };
};

export const accountOf = (subject: string): string => subject.split(".")[1] ?? "";
