import type { KV } from "@nats-io/kv";
import type { Position, Positions } from "./follow.ts";

/** A reader's position in a KV bucket; each write is guarded by the revision it follows and by the epoch. */
export const kvPositions = (bucket: KV, name: string): Positions => {
  /** Of the entry that the next write follows; 0: there is none. */
  let revision: number | undefined;
  let epochSeen = 0;
  const load = async (): Promise<Position | undefined> => {
    const entry = await bucket.get(name);
    const found = entry?.revision ?? 0;
    // Asked in between, perhaps of a replica that is behind, it must not undo what our own last write has told.
    const current = revision === undefined || found >= revision;
    if (current) revision = found;
    if (entry === null || entry.operation !== "PUT") return undefined;
    const { created, seq, epoch } = entry.json<Position & { epoch: number }>();
    if (current) epochSeen = epoch;
    return { created, seq };
  };
  return {
    load,
    save: async (position, epoch) => {
      if (revision === undefined) await load();
      if (epoch < epochSeen) throw new Error(`position of ${name}: epoch ${epoch} came after ${epochSeen}`);
      const data = JSON.stringify({ ...position, epoch });
      try {
        revision = await bucket.put(name, data, { previousSeq: revision ?? 0 });
        epochSeen = epoch;
      } catch (error) {
        revision = undefined; // somebody else wrote: read anew before the next try
        throw error;
      }
    },
  };
};
