import type { Followed } from "./follow.ts";
import { assertStillHeld, type Held } from "./lease.ts";

/** One change of one document by one event: pure, so that a rebuild gives the same document. `undefined` in: there is none yet. */
export interface Change<Document> {
  readonly id: string;
  readonly fold: (document: Document | undefined) => Document | undefined;
}

/**
 * A read model of one stream: which documents an event touches, and how. A batch may be read again after a break in its middle, so a fold
 * that adds up keeps the message's revision in the document, skips what is not above it, and takes all events of a message at once.
 */
export interface View<Document, Event> {
  /** Collection name. A change of the fold is a new version and a rebuild. */
  readonly name: string;
  readonly version: number;
  readonly changes: (event: Event, message: Followed<Event>) => readonly Change<Document>[];
}

/**
 * Where the documents of a view live. Writes are by id and guarded by the lease: a lower epoch than was seen, or a lease that is lost by the time of
 * writing, is refused with an exception.
 */
export interface Documents<Document> {
  readonly load: (ids: readonly string[]) => Promise<ReadonlyMap<string, Document>>;
  readonly write: (documents: ReadonlyMap<string, Document | undefined>, lease: Held) => Promise<void>;
}

/** Folds batches of messages into the documents of one view. One of these per active reader. */
export interface Projection<Event> {
  readonly apply: (batch: readonly Followed<Event>[], lease: Held) => Promise<void>;
  /** Drops what is cached: after an error or a change of reader. */
  readonly forget: () => void;
}

/**
 * Each document is loaded once, folded through all of the batch and written once. While this reader is the only one, what it wrote last is
 * what is stored, so the most recent documents are kept (bounded).
 */
export const projection = <Document, Event>(
  view: View<Document, Event>,
  documents: Documents<Document>,
  { cache = 5000 } = {},
): Projection<Event> => {
  const recent = new Map<string, Document>();
  const keep = (id: string, document: Document | undefined): void => {
    recent.delete(id);
    if (document !== undefined) recent.set(id, document);
    while (recent.size > cache) {
      const oldest = recent.keys().next();
      if (oldest.done) return;
      recent.delete(oldest.value);
    }
  };
  return {
    forget: () => recent.clear(),
    apply: async (batch, lease) => {
      const changes = batch.flatMap((message) => message.events.flatMap((event) => view.changes(event, message)));
      if (changes.length === 0) return;
      const missing = new Set(changes.map(({ id }) => id).filter((id) => !recent.has(id)));
      const loaded = missing.size === 0 ? new Map<string, Document>() : await documents.load([...missing]);
      const changed = new Map<string, Document | undefined>();
      for (const { id, fold } of changes) {
        const before = changed.has(id) ? changed.get(id) : (recent.get(id) ?? loaded.get(id));
        const after = fold(before);
        if (after !== before) changed.set(id, after); // a fold that has nothing to say costs no write
      }
      assertStillHeld(lease); // whoever stood still while they were loaded would overwrite what another reader has made of them since
      await documents.write(changed, lease);
      for (const [id, document] of changed) keep(id, document);
    },
  };
};

/** Documents in memory, for rules' tests and for verifying a stored view against a fresh fold. */
export const memoryDocuments = <Document>(): Documents<Document> & {
  readonly all: ReadonlyMap<string, Document>;
  /** The highest epoch that has written. */
  readonly epoch: () => number;
} => {
  const all = new Map<string, Document>();
  let seen = 0;
  return {
    all,
    epoch: () => seen,
    load: async (ids) => new Map(ids.flatMap((id) => (all.has(id) ? [[id, structuredClone(all.get(id) as Document)] as const] : []))),
    write: async (documents, { epoch }) => {
      if (epoch < seen) throw new Error(`a write of epoch ${epoch} came after epoch ${seen}`);
      seen = epoch;
      for (const [id, document] of documents) {
        if (document === undefined) all.delete(id);
        else all.set(id, structuredClone(document));
      }
    },
  };
};
