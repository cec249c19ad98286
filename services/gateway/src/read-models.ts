import { setTimeout as sleep } from "node:timers/promises";
import type { AccountId } from "@outrider/contracts/ids";
import { aliasFreshMs, type DocumentOf, readerOf, streamOf, type ViewName, viewsCollection } from "@outrider/contracts/projector";
import { createHealth, openMongo, Refusal, type Service, Unavailable } from "@outrider/platform";
import type { Collection, Db, Document, Filter } from "mongodb";
import { type GatewayConfig, limits } from "./config.ts";

/** How a list is ordered: by a field, newest first, and by id; or by id alone. */
type Order = { readonly field: string } | undefined;
const newestFirst: { readonly [Name in ViewName]?: Order } = {
  imports: { field: "startedAt" },
  runs: { field: "run" },
  contacts: { field: "requestedAt" },
  replies: { field: "at" },
  statement: { field: "_seq" },
};

export interface Paged {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** What the projector has written, for reading. While MongoDB cannot be reached everything rejects with `Unavailable`, at once. */
export interface ReadModels {
  readonly page: <Name extends ViewName>(
    view: Name,
    account: AccountId,
    filter: Readonly<Record<string, string | number>>,
    paged: Paged,
  ) => Promise<{ readonly items: DocumentOf<Name>[]; readonly next?: string }>;
  readonly one: <Name extends ViewName>(view: Name, account: AccountId, id: string) => Promise<DocumentOf<Name> | undefined>;
  /** Counts documents by the values of some fields. */
  readonly tally: (view: ViewName, filter: Filter<Document>, by: readonly string[]) => Promise<Tally[]>;
  /** Resolves when the view has folded its stream up to `seq`. Rejects when that takes too long. */
  readonly folded: (view: ViewName, seq: number | undefined) => Promise<void>;
  readonly isUp: () => boolean;
}

export interface Tally {
  readonly by: Readonly<Record<string, string | boolean | undefined>>;
  readonly count: number;
}

interface Stored {
  readonly _id: string;
  readonly [field: string]: unknown;
}

/** Opens the read models. MongoDB's absence is not the gateway's: commands and webhooks do without it. */
export const openReadModels = async (service: Service<GatewayConfig>): Promise<ReadModels> => {
  const { log, name, config, stopping, onStop } = service;
  const health = createHealth((_key, reason) => log.info({ reason }, reason === undefined ? "read models can be read" : "no read models"));
  const { db } = await openMongo({ name, config, stopping, onStop, health });
  const isUp = (): boolean => health.reasons().length === 0;
  const reached = async <T>(read: () => Promise<T>): Promise<T> => {
    if (!isUp()) throw new Unavailable("lists cannot be read now; what is asked for or changed is still carried out");
    try {
      return await read();
    } catch (error) {
      if (error instanceof Error && unreachable.test(error.name)) throw new Unavailable("lists cannot be read now", { cause: error });
      throw error;
    }
  };
  const collectionOf = aliases(db);
  const position = positions(db);
  return {
    isUp,
    page: (view, account, filter, paged) => reached(async () => pageOf(view, await collectionOf(view), account, filter, paged)),
    one: (view, account, id) => reached(async () => documentOf(await (await collectionOf(view)).findOne({ _id: `${account}.${id}` }))),
    tally: (view, filter, by) => reached(async () => tallyOf(await collectionOf(view), filter, by)),
    folded: async (view, seq) => {
      if (seq === undefined) return;
      const reader = readerOf(streamOf[view]);
      for (const deadline = performance.now() + limits.waitForMs; (await reached(() => position(reader))) < seq; await sleep(15)) {
        if (performance.now() > deadline)
          throw new Refusal("unavailable", "the list has not heard of this change yet", "read-model-behind");
      }
    },
  };
};

const unreachable = /^(Mongo(ServerSelection|Network|NetworkTimeout|NotConnected|TopologyClosed|PoolCleared)|PoolCleared)Error$/;

/** Where a view's documents are: a rebuild swaps the collection, so it is looked up anew when it may have gone stale. */
const aliases = (db: Db): ((view: ViewName) => Promise<Collection<Stored>>) => {
  const known = new Map<ViewName, { readonly collection: string; readonly until: number }>();
  return async (view) => {
    const now = performance.now();
    const fresh = known.get(view);
    if (fresh !== undefined && fresh.until > now) return db.collection<Stored>(fresh.collection);
    const alias = await db.collection<Stored>(viewsCollection).findOne({ _id: view });
    const collection = typeof alias?.["collection"] === "string" ? alias["collection"] : view;
    known.set(view, { collection, until: now + aliasFreshMs });
    return db.collection<Stored>(collection);
  };
};

/** A reader's position, asked for once by all who wait at the same moment. */
const positions = (db: Db): ((reader: string) => Promise<number>) => {
  const asked = new Map<string, Promise<number>>();
  const read = async (reader: string): Promise<number> => {
    try {
      const found = await db.collection<Stored>("_positions").findOne({ _id: reader });
      return typeof found?.["seq"] === "number" ? found["seq"] : 0;
    } finally {
      asked.delete(reader);
    }
  };
  return (reader) => {
    const waiting = asked.get(reader) ?? read(reader);
    asked.set(reader, waiting);
    return waiting;
  };
};

/** The projector wrote it from the same contract. */
const documentOf = <Name extends ViewName>(stored: Stored | null): DocumentOf<Name> | undefined => {
  if (stored === null) return undefined;
  const { _id, ...document } = stored;
  return document as unknown as DocumentOf<Name>;
};

const pageOf = async <Name extends ViewName>(
  view: Name,
  collection: Collection<Stored>,
  account: AccountId,
  wanted: Readonly<Record<string, string | number>>,
  { cursor, limit }: Paged,
): Promise<{ items: DocumentOf<Name>[]; next?: string }> => {
  const order = newestFirst[view];
  const after = cursor === undefined ? undefined : cursorIn(cursor);
  // "/" follows "." in ASCII: all ids of one account, by the index that every collection has.
  const range = order === undefined ? { _id: { $gt: after?.id ?? `${account}.`, $lt: `${account}/` } } : {};
  const filter = { account, ...wanted, ...range, ...beyond(order, after) };
  const sort: Record<string, 1 | -1> = order === undefined ? { _id: 1 } : { [order.field]: -1, _id: -1 };
  const found = await collection
    .find(filter as Filter<Stored>)
    .sort(sort)
    .limit(limit + 1)
    .toArray();
  const items = found.slice(0, limit).flatMap((stored) => documentOf<Name>(stored) ?? []);
  const last = found.length > limit ? found[limit - 1] : undefined;
  return last === undefined ? { items } : { items, next: cursorOf(last._id, order === undefined ? undefined : last[order.field]) };
};

const beyond = (order: Order, after: Cursor | undefined): Readonly<Record<string, unknown>> =>
  order === undefined || after === undefined
    ? {}
    : { $or: [{ [order.field]: { $lt: after.value } }, { [order.field]: after.value, _id: { $lt: after.id } }] };

interface Cursor {
  readonly id: string;
  readonly value?: string | number;
}

const cursorOf = (id: string, value: unknown): string => Buffer.from(JSON.stringify([id, value])).toString("base64url");

const cursorIn = (cursor: string): Cursor => {
  try {
    const [id, value]: unknown[] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (typeof id === "string" && (typeof value === "string" || typeof value === "number")) return { id, value };
    if (typeof id === "string" && value == null) return { id };
  } catch {
    // told below
  }
  throw new Refusal("invalid-request", "the cursor is none that a list has given");
};

const tallyOf = async (collection: Collection<Stored>, filter: Filter<Document>, by: readonly string[]): Promise<Tally[]> => {
  const _id = Object.fromEntries(by.map((field) => [field, `$${field}`]));
  const groups = await collection
    .aggregate<{ _id: Record<string, string | boolean | null>; count: number }>([
      { $match: filter },
      { $group: { _id, count: { $sum: 1 } } },
    ])
    .toArray();
  return groups.map((group) => ({
    by: Object.fromEntries(by.map((field) => [field, group._id[field] ?? undefined])),
    count: group.count,
  }));
};
