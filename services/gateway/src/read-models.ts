import { setTimeout as sleep } from "node:timers/promises";
import type { DocumentOf, ViewName } from "@outrider/contracts/documents";
import type { AccountId } from "@outrider/contracts/ids";
import { aliasFreshMs, positionsCollection, readerOf, streamOf, viewsCollection } from "@outrider/contracts/projector";
import { createHealth, openMongo, Refusal, reached as reachedMongo, type Service, Unavailable } from "@outrider/platform";
import type { Collection, Db, Filter } from "mongodb";
import { z } from "zod";
import { type GatewayConfig, limits } from "./config.ts";

/** How a list is ordered: by a field, newest first, and by id; or by id alone. */
type Order = { readonly field: string } | undefined;
const newestFirst: { readonly [Name in ViewName]?: Order } = {
  imports: { field: "startedAt" },
  runs: { field: "run" },
  contacts: { field: "requestedAt" },
  replies: { field: "at" },
  statement: { field: "_seq" },
  unmatched: { field: "_seq" },
};

/** Fields that the projector keeps an index on, behind the account. */
const indexed: { readonly [Name in ViewName]?: readonly string[] } = {
  ads: ["person"],
  contacts: ["hunt", "status", "person"],
  hunts: ["status"],
  imports: ["startedAt"],
  replies: ["at", "hunt", "person"],
  runs: ["run"],
  statement: ["_seq"],
  unmatched: ["_seq"],
};

export interface Paged {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Fields and what they must be. */
type Wanted = Readonly<Record<string, string | number>>;

/** What the projector has written, for reading. While MongoDB cannot be reached everything rejects with `Unavailable`, at once. */
export interface ReadModels {
  readonly page: <Name extends ViewName>(
    view: Name,
    account: AccountId,
    filter: Wanted,
    paged: Paged,
  ) => Promise<{ readonly items: DocumentOf<Name>[]; readonly next?: string }>;
  /** Of accounts alone: those of everybody, by id. */
  readonly accounts: (paged: Paged) => Promise<{ readonly items: DocumentOf<"accounts">[]; readonly next?: string }>;
  readonly one: <Name extends ViewName>(view: Name, account: AccountId, id: string) => Promise<DocumentOf<Name> | undefined>;
  /** Those of these ids that are there, by id. */
  readonly many: <Name extends ViewName>(
    view: Name,
    account: AccountId,
    ids: readonly string[],
  ) => Promise<ReadonlyMap<string, DocumentOf<Name>>>;
  /** Counts documents by the values of some fields. */
  readonly tally: (view: ViewName, account: AccountId, filter: Wanted, by: readonly string[]) => Promise<Tally[]>;
  /** The same of the entries of a list in the documents: each that fits `filter` counts. */
  readonly tallyEach: (view: ViewName, account: AccountId, list: string, filter: Wanted, by: readonly string[]) => Promise<Tally[]>;
  /** Resolves when the view has folded its stream up to `seq`. Rejects when that takes too long. */
  readonly folded: (view: ViewName, seq: number | undefined) => Promise<void>;
  readonly isUp: () => boolean;
}

export interface Tally {
  readonly by: Readonly<Record<string, string | number | boolean | undefined>>;
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
    return reachedMongo(read());
  };
  const collectionOf = aliases(db);
  const position = positions(db);
  return {
    isUp,
    page: (view, account, filter, paged) => reached(async () => pageOf(view, await collectionOf(view), account, filter, paged)),
    accounts: (paged) => reached(async () => accountsOf(await collectionOf("accounts"), paged)),
    one: (view, account, id) => reached(async () => documentOf(await (await collectionOf(view)).findOne({ _id: `${account}.${id}` }))),
    many: (view, account, ids) =>
      ids.length === 0 ? Promise.resolve(new Map()) : reached(async () => manyOf(await collectionOf(view), account, ids)),
    tally: (view, account, filter, by) =>
      reached(async () => tallyOf(await collectionOf(view), [{ $match: { ...allOf(account), ...filter } }], by)),
    tallyEach: (view, account, list, filter, by) =>
      reached(async () =>
        tallyOf(await collectionOf(view), [{ $match: { ...allOf(account), ...filter } }, { $unwind: `$${list}` }, { $match: filter }], by),
      ),
    folded: async (view, seq) => {
      if (seq === undefined) return;
      const reader = readerOf(streamOf[view]);
      for (
        const deadline = performance.now() + limits.waitForMs;
        (await reached(() => position(reader))) < seq;
        await sleep(limits.waitForAgainMs)
      ) {
        if (performance.now() > deadline)
          throw new Refusal("unavailable", "the list has not heard of this change yet", "read-model-behind");
      }
      collectionOf.forget(view); // the change may be in a collection that serves since a moment ago
    },
  };
};

/** Where a view's documents are: a rebuild swaps the collection, so it is looked up anew when it may have gone stale. */
const aliases = (db: Db) => {
  const known = new Map<ViewName, { readonly collection: string; readonly until: number }>();
  const of = async (view: ViewName): Promise<Collection<Stored>> => {
    const now = performance.now();
    const fresh = known.get(view);
    if (fresh !== undefined && fresh.until > now) return db.collection<Stored>(fresh.collection);
    const alias = await db.collection<Stored>(viewsCollection).findOne({ _id: view });
    const collection = typeof alias?.["collection"] === "string" ? alias["collection"] : view;
    known.set(view, { collection, until: now + aliasFreshMs });
    return db.collection<Stored>(collection);
  };
  return Object.assign(of, { forget: (view: ViewName): void => void known.delete(view) });
};

/** A reader's position, asked for once by all who wait at the same moment. */
const positions = (db: Db): ((reader: string) => Promise<number>) => {
  const asked = new Map<string, Promise<number>>();
  const read = async (reader: string): Promise<number> => {
    try {
      const found = await db.collection<Stored>(positionsCollection).findOne({ _id: reader });
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

/** All ids of one account, by the index that every collection has: "/" follows "." in ASCII. */
const allOf = (account: AccountId) => ({ _id: { $gt: `${account}.`, $lt: `${account}/` } });

const pageOf = async <Name extends ViewName>(
  view: Name,
  collection: Collection<Stored>,
  account: AccountId,
  wanted: Wanted,
  { cursor, limit }: Paged,
): Promise<{ items: DocumentOf<Name>[]; next?: string }> => {
  const order = newestFirst[view];
  const after = cursor === undefined ? undefined : cursorIn(cursor, account);
  // An index that leaves all of an account's documents to be fetched one by one is slower than looking at them in their order.
  const owned = indexed[view]?.some((field) => field === order?.field || wanted[field] !== undefined) ? { account } : allOf(account);
  const filter = { ...owned, ...wanted, ...(after === undefined ? {} : beyond(order, after, account)) };
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

/** The account `system`, which nobody creates, has no name. */
const accountsOf = async (
  collection: Collection<Stored>,
  { cursor, limit }: Paged,
): Promise<{ items: DocumentOf<"accounts">[]; next?: string }> => {
  const after = cursor === undefined ? {} : { _id: { $gt: idIn(cursor) } };
  const found = await collection
    .find({ ...after, name: { $exists: true } } as Filter<Stored>)
    .sort({ _id: 1 })
    .limit(limit + 1)
    .toArray();
  const items = found.slice(0, limit).flatMap((stored) => documentOf<"accounts">(stored) ?? []);
  const last = found.length > limit ? found[limit - 1] : undefined;
  return last === undefined ? { items } : { items, next: cursorOf(last._id, undefined) };
};

const manyOf = async <Name extends ViewName>(
  collection: Collection<Stored>,
  account: AccountId,
  ids: readonly string[],
): Promise<ReadonlyMap<string, DocumentOf<Name>>> => {
  const wanted = [...new Set(ids)].map((id) => `${account}.${id}`);
  const found = await collection.find({ _id: { $in: wanted } }).toArray();
  const known = new Map<string, DocumentOf<Name>>();
  for (const stored of found) {
    const document = documentOf<Name>(stored);
    if (document !== undefined) known.set(stored._id.slice(account.length + 1), document);
  }
  return known;
};

const beyond = (order: Order, { id, value }: Cursor, account: AccountId): Readonly<Record<string, unknown>> =>
  order === undefined
    ? { _id: { ...allOf(account)._id, $gt: id } }
    : { $or: [{ [order.field]: { $lt: value } }, { [order.field]: value, _id: { $lt: id } }] };

interface Cursor {
  readonly id: string;
  /** Of the field that orders the list; null when that is the id alone. */
  readonly value: string | number | null;
}

const cursorOf = (id: string, value: unknown): string => Buffer.from(JSON.stringify([id, value ?? null])).toString("base64url");

/** A cursor comes back from outside: it must not lead out of the account. */
const cursorIn = (cursor: string, account: AccountId): Cursor => {
  const { id, value } = readCursor(cursor);
  if (!id.startsWith(`${account}.`)) throw notOurs();
  return { id, value };
};
const idIn = (cursor: string): string => readCursor(cursor).id;
const notOurs = (): Refusal => new Refusal("invalid-request", "the cursor is none that this list has given");

const readCursor = (cursor: string): Cursor => {
  const invalid = notOurs();
  let told: unknown;
  try {
    told = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch (cause) {
    invalid.cause = cause;
    throw invalid;
  }
  const parsed = cursorShape.safeParse(told);
  if (!parsed.success) throw invalid;
  const [id, value] = parsed.data;
  return { id, value };
};
const cursorShape = z.tuple([z.string(), z.union([z.string(), z.number(), z.null()])]);

const tallyOf = async (
  collection: Collection<Stored>,
  counted: readonly Readonly<Record<string, unknown>>[],
  by: readonly string[],
): Promise<Tally[]> => {
  const named = by.map((field) => [field.replaceAll(".", "_"), field] as const);
  const _id = Object.fromEntries(named.map(([name, field]) => [name, `$${field}`]));
  const groups = await collection
    .aggregate<{ _id: Record<string, string | number | boolean | null>; count: number }>([
      ...counted,
      { $group: { _id, count: { $sum: 1 } } },
    ])
    .toArray();
  return groups.map((group) => ({
    by: Object.fromEntries(named.map(([name, field]) => [field, group._id[name] ?? undefined])),
    count: group.count,
  }));
};
