import type { Documents } from "@outrider/eventing";
import { mongoDocuments } from "@outrider/platform";
import type { Db } from "mongodb";
import type { Stamp } from "./view.ts";

/** What a collection held before this reader began. */
export interface ExistingIds {
  readonly count: () => Promise<number>;
  readonly ids: () => AsyncIterable<string>;
}

/** Which ids a collection may hold: "no" is certain, "yes" may be wrong once in a thousand. A filter that is full is followed by a larger one. */
class KnownIds {
  readonly #filters = [new Filter(smallestFilter)];
  /** How many it knows, about. */
  count = 0;

  add(id: string): void {
    if (this.mayHave(id)) return;
    const last = this.#filters.at(-1);
    const filter = last === undefined || last.isFull() ? this.#larger() : last;
    filter.add(hashesOf(id));
    this.count++;
  }

  mayHave(id: string): boolean {
    const hashes = hashesOf(id);
    return this.#filters.some((filter) => filter.mayHave(hashes));
  }

  #larger(): Filter {
    const filter = new Filter(smallestFilter * 8 ** this.#filters.length);
    this.#filters.push(filter);
    return filter;
  }
}

/** Bits of the first: 16 KB, for 4,000 ids. Most views stay this small. */
const smallestFilter = 2 ** 17;
const bitsPerId = 32;

class Filter {
  readonly #bits: Uint32Array;
  readonly #mask: number;
  #free: number;

  /** `size` in bits, a power of two. */
  constructor(size: number) {
    this.#bits = new Uint32Array(size / 32);
    this.#mask = size - 1;
    this.#free = size / bitsPerId;
  }

  isFull(): boolean {
    return this.#free <= 0;
  }

  add(hashes: readonly number[]): void {
    this.#free--;
    for (const hash of hashes) {
      const bit = hash & this.#mask;
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  mayHave(hashes: readonly number[]): boolean {
    return hashes.every((hash) => {
      const bit = hash & this.#mask;
      return ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
    });
  }
}

/** Three hashes of one id, out of two in one pass. */
const hashesOf = (id: string): readonly number[] => {
  let one = 0x811c9dc5;
  let two = 0x1b873593;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    two = Math.imul(two ^ code, 0x85ebca6b) ^ (two >>> 13);
  }
  return [(one ^ (one >>> 15)) >>> 0, (two ^ (two >>> 16)) >>> 0, (one + Math.imul(two, 5)) >>> 0];
};

/** How many ids are read at the start, and how many are known: 2,300,000 take 9 MB, and what follows would take 64 MB more. */
export interface Most {
  readonly read: number;
  readonly known: number;
}

/**
 * Asks for documents only when they may be there: most events of a busy stream begin something new, and to look for what is absent costs as much
 * as to write it. The ids that are there are read once. When there are too many, or come to be, everything is asked for: that is always safe.
 *
 * Safe also when a reader before this one wrote after that reading: what it wrote is folded again from the stored position on.
 */
export const knowingIds = <Document>(
  documents: Documents<Document>,
  existing: ExistingIds,
  most: Most = { read: 300_000, known: 2_300_000 },
): Documents<Document> => {
  let known: KnownIds | undefined;
  let begun = false;

  const begin = async (): Promise<void> => {
    if ((await existing.count()) <= most.read) {
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
    write: async (changed, lease) => {
      for (const id of changed.keys()) known?.add(id);
      if (known !== undefined && known.count > most.known) known = undefined;
      await documents.write(changed, lease);
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
