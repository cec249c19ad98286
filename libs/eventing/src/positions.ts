import type { KV } from "@nats-io/kv";
import type { Position, Positions } from "./follow.ts";

/** A reader's position in a KV bucket; each write is guarded by the revision it follows and by the epoch. */
export const kvPositions = (bucket: KV, name: string): Positions => {
  let revision: number | undefined;
  let epochSeen = 0;
  const load = async (): Promise<Position | undefined> => {
    const entry = await bucket.get(name);
    if (entry === null || entry.operation !== "PUT") return undefined;
    const { created, seq, epoch } = entry.json<Position & { epoch: number }>();
    revision = entry.revision;
    epochSeen = epoch;
    return { created, seq };
  };
  return {
    load,
    save: async (position, epoch) => {
      if (revision === undefined) await load();
      if (epoch < epochSeen) throw new Error(`position of ${name}: epoch ${epoch} came after ${epochSeen}`);
      const data = JSON.stringify({ ...position, epoch });
      try {
        revision = await bucket.put(name, data, revision === undefined ? {} : { previousSeq: revision });
      } catch (error) {
        revision = undefined; // somebody else wrote: read anew before the next try
        throw error;
      }
    },
  };
};
