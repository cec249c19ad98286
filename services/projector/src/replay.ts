import {
  type AcquireLease,
  type Codec,
  type Followed,
  type Follower,
  follow,
  type Kernel,
  type Lease,
  type Position,
  type Positions,
} from "@outrider/eventing";

interface Replayed<Event> {
  readonly name: string;
  readonly stream: string;
  readonly codec: Codec<Event>;
  readonly batch: number;
  readonly lease: Lease;
  readonly poison?: (stream: string, seq: number, reason: string) => Promise<void>;
}

/** Reads a stream from its start, under a lease that somebody else holds, with a position that nobody keeps. */
export const replay = <Event>(
  kernel: Kernel,
  { lease, ...options }: Replayed<Event>,
  handle: (batch: readonly Followed<Event>[]) => Promise<void>,
): Follower => {
  // Its `lost` asks the lease each time that it is read: a copy would tell what was so when it was made.
  const borrowed: Lease = {
    ...{ name: lease.name, epoch: lease.epoch, release: async () => undefined },
    get lost() {
      return lease.lost;
    },
  };
  let lent = false;
  const acquire: AcquireLease = async (_name, stop) => {
    if (!lent) {
      lent = true;
      return borrowed;
    }
    // It is lost for good: whoever lent it ends this reading.
    await new Promise<void>((ended) => (stop.aborted ? ended() : stop.addEventListener("abort", () => ended(), { once: true })));
    throw new Error(`the lease of ${options.name} is over`);
  };
  return follow(kernel, { ...options, positions: inMemory(), acquire }, handle);
};

const inMemory = (): Positions => {
  let kept: Position | undefined;
  return {
    load: async () => kept,
    save: async (position) => {
      kept = position;
    },
  };
};

/** A lease that nobody can lose: for reading only. */
export const readingOnly = (name: string): Lease => ({
  name,
  epoch: 0,
  lost: new AbortController().signal,
  release: async () => undefined,
});
