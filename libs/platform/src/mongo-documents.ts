import { positionsCollection } from "@outrider/contracts/projector";
import { assertStillHeld, type Documents, type Position, type Positions } from "@outrider/eventing";
import type { Collection, Db } from "mongodb";
import { reached } from "./mongo-reached.ts";

/** A document as it is stored: what the view made, under its id. */
interface Stored {
  readonly _id: string;
  readonly [field: string]: unknown;
}

interface Checkpoint {
  readonly _id: string;
  readonly epoch: number;
  readonly created?: string;
  readonly seq?: number;
}

/** Whether the epoch is still the highest that has written. One document per reader, so that it is one write and no transaction. */
const guard = async (all: Collection<Checkpoint>, reader: string, epoch: number): Promise<void> => {
  try {
    await all.updateOne({ _id: reader, epoch: { $lte: epoch } }, { $set: { epoch } }, { upsert: true });
  } catch (error) {
    if (isDuplicate(error)) throw new Error(`${reader}: epoch ${epoch} has been overtaken`, { cause: error });
    throw error;
  }
};

/**
 * The documents of one view in MongoDB: replaced whole by `_id`, in unordered bulks. The first write of an epoch raises the reader's, which fails
 * when a newer reader has been there; after that the lease's own deadline, asked before each bulk, stands between an old reader and the
 * collection.
 */
export const mongoDocuments = <Document extends object>(db: Db, collection: string, reader: string): Documents<Document> => {
  const documents = db.collection<Stored>(collection);
  const all = db.collection<Checkpoint>(positionsCollection);
  let epochSeen = 0;
  return {
    load: async (ids) => {
      const found = new Map<string, Document>();
      for (let from = 0; from < ids.length; from += 500) {
        const page = await reached(documents.find({ _id: { $in: ids.slice(from, from + 500) } }).toArray());
        for (const { _id, ...document } of page) found.set(_id, document as unknown as Document);
      }
      return found;
    },
    write: async (changed, lease) => {
      if (changed.size === 0) return;
      const { epoch } = lease;
      if (epoch !== epochSeen) {
        await reached(guard(all, reader, epoch));
        epochSeen = epoch;
      }
      // In the order of the ids: what lies together in the index is written together.
      const inOrder = [...changed].sort(([one], [other]) => (one < other ? -1 : 1));
      const operations = inOrder.map(([_id, document]) =>
        document === undefined
          ? { deleteOne: { filter: { _id } } }
          : { replaceOne: { filter: { _id }, replacement: document as Omit<Stored, "_id">, upsert: true } },
      );
      for (let from = 0; from < operations.length; from += 1000) {
        assertStillHeld(lease);
        await reached(documents.bulkWrite(operations.slice(from, from + 1000), { ordered: false }));
      }
    },
  };
};

/**
 * A reader's position in MongoDB, written after its documents and guarded by the epoch. A server that was killed may have lost what it had
 * acknowledged last, documents and position alike: so each save names the position before it, and a reader that finds another one there
 * has to start again from that.
 */
export const mongoPositions = (db: Db, reader: string): Positions => {
  const all = db.collection<Checkpoint>(positionsCollection);
  let saved: Required<Omit<Checkpoint, "_id">> | undefined;
  return {
    load: async (): Promise<Position | undefined> => {
      const found = await reached(all.findOne({ _id: reader }));
      return found?.created === undefined || found.seq === undefined ? undefined : { created: found.created, seq: found.seq };
    },
    save: async ({ created, seq }, epoch) => {
      const before = saved?.epoch === epoch ? saved : undefined;
      saved = undefined;
      const filter = { _id: reader, ...(before ?? { epoch: { $lte: epoch } }) };
      try {
        const { matchedCount } = await reached(all.updateOne(filter, { $set: { epoch, created, seq } }, { upsert: before === undefined }));
        if (before !== undefined && matchedCount === 0) throw new Error(`position of ${reader}: what was saved last is not there any more`);
      } catch (error) {
        if (isDuplicate(error)) throw new Error(`position of ${reader}: epoch ${epoch} has been overtaken`, { cause: error });
        throw error;
      }
      saved = { epoch, created, seq };
    },
  };
};

const isDuplicate = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === 11000;
