import { aggregate } from "./aggregate.ts";
import type { Followed, FollowOptions, Position, Positions } from "./follow.ts";
import { ensureStream } from "./streams.ts";
import { at, codecOfRelease, type TallyEvent, tally } from "./testing-tally.ts";
import { declared, leases, world } from "./testing-world.ts";

/** A position as a database keeps it: refuses what a lower epoch says. */
export const memoryPositions = (): Positions & { readonly saved: { position?: Position; epoch: number } } => {
  const saved: { position?: Position; epoch: number } = { epoch: 0 };
  return {
    saved,
    load: async () => saved.position,
    save: async (position, epoch) => {
      if (epoch < saved.epoch) throw new Error("overtaken");
      Object.assign(saved, { position, epoch });
    },
  };
};

/** A server, two replicas, and a stream of its own for each test of a reader. */
export const followBench = async () => {
  const all = await world();
  const [one, two] = [await all.replica(), await all.replica()];
  let streams = 0;
  return {
    one,
    two,
    end: () => all[Symbol.asyncDispose](),
    /** What a reader is opened with; `rob` takes its lease away. */
    fresh: async (more: Partial<FollowOptions<TallyEvent>> = {}) => {
      const stream = `F${++streams}`;
      await ensureStream(one.kernel.jsm, declared(stream));
      const { acquire, rob } = leases();
      const positions = memoryPositions();
      const options = { name: `reader-${stream}`, stream, codec: codecOfRelease<TallyEvent>(1), positions, acquire, ...more };
      return { stream, options, positions, rob };
    },
    /** Adds the keys `k0`, `k1` and so on over three subjects; answers the last sequence. */
    fill: async (stream: string, count: number, { from = 0, release = 1 } = {}): Promise<number> => {
      const tallies = aggregate(one.store(stream, codecOfRelease(release)), tally);
      let last = 0;
      for (let n = from; n < from + count; n++) {
        const asked = { commandId: `c${n}`, at };
        last = (await tallies.execute(`${stream.toLowerCase()}.${n % 3}`, { type: "Add", key: `k${n}`, n: 1 }, asked)).revision;
      }
      return last;
    },
  };
};

export const keysOf = (batch: readonly Followed<TallyEvent>[]): string[] =>
  batch.flatMap(({ events }) => events.flatMap((event) => (event.type === "Added" ? [event.data.key] : [])));
export const keys = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`);
