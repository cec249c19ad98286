import type { Documents } from "@outrider/eventing";
import { mongoDocuments } from "@outrider/platform";
import type { Db } from "mongodb";
import type { Stamp } from "./view.ts";

/** What a collection held before this reader began. */
export interface ExistingIds {
  readonly count: () => Promise<number>;
  readonly ids: () => AsyncIterable<string>;
}

/** Which ids a collection may hold: "no" is certain, "yes" may be wrong once in a thousand. */
class KnownIds {
  readonly #bits = new Uint32Array(2 ** 20); // 2^25 bits, 4 MB: a million ids

  add(id: string): void {
    for (const bit of places(id)) this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  mayHave(id: string): boolean {
    return places(id).every((bit) => ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0);
  }
}

const mask = 2 ** 25 - 1;

/** Three places for one id, out of two hashes in one pass. */
const places = (id: string): readonly number[] => {
  let one = 0x811c9dc5;
  let two = 0x1b873593;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    two = Math.imul(two ^ code, 0x85ebca6b) ^ (two >>> 13);
  }
  return [(one ^ (one >>> 15)) & mask, (two ^ (two >>> 16)) & mask, (one + Math.imul(two, 5)) & mask];
};

/**
 * Asks for documents only when they may be there: most events of a busy stream begin something new, and to look for what is absent costs as much
 * as to write it. The ids that are there are read once; beyond `most` of them everything is asked for.
 *
 * Safe also when a reader before this one wrote after that reading: what it wrote is folded again from the stored position on.
 */
export const knowingIds = <Document>(documents: Documents<Document>, existing: ExistingIds, most = 300_000): Documents<Document> => {
  let known: KnownIds | undefined;
  let begun = false;

  const begin = async (): Promise<void> => {
    if ((await existing.count()) <= most) {
      const ids = new KnownIds();
      for await (const id of existing.ids()) ids.add(id);
      known = ids;
    }
    begun = true;
  };

  return {
    load: async (ids) => {
      if (!begun) await begin();
      const present = known === undefined ? ids : ids.filter((id) => known?.mayHave(id));
      return present.length === 0 ? new Map() : documents.load(present);
    },
    write: async (changed, epoch) => {
      for (const id of changed.keys()) known?.add(id);
      await documents.write(changed, epoch);
    },
  };
};

/** The documents of a view in one collection, written by one reader. */
export const viewDocuments = (db: Db, collection: string, reader: string): Documents<Stamp> => {
  const all = db.collection<{ _id: string }>(collection);
  return knowingIds(mongoDocuments<Stamp>(db, collection, reader), {
    count: () => all.estimatedDocumentCount(),
    ids: async function* () {
      for await (const { _id } of all.find({}, { projection: { _id: 1 }, batchSize: 10_000 })) yield _id;
    },
  });
};
