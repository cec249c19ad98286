import type { ViewName } from "@outrider/contracts/documents";
import { type ViewAlias, viewsCollection } from "@outrider/contracts/projector";
import type { Db } from "mongodb";

/** Views as an alias needs to know them. */
export interface Named {
  readonly name: ViewName;
  readonly version: number;
}

/** Where the documents of views are: one alias document per view, which readers resolve. */
export interface Aliases {
  /** All of these views' aliases. Those that are not there are made: `fresh` when the reader begins at the stream's start, to be built otherwise. */
  readonly load: (views: readonly Named[], fresh: boolean) => Promise<ReadonlyMap<ViewName, ViewAlias>>;
  /** Wants a new build; the one that is wanted already is answered as it is, unless an earlier release wanted it. */
  readonly want: (view: Named) => Promise<NonNullable<ViewAlias["building"]>>;
  /** False when a newer reader has been here, or this build is not wanted any more. */
  readonly swap: (
    alias: ViewAlias,
    building: NonNullable<ViewAlias["building"]>,
    epoch: number,
    degraded: ViewAlias["degraded"],
  ) => Promise<boolean>;
  readonly degrade: (view: ViewName, degraded: NonNullable<ViewAlias["degraded"]>) => Promise<void>;
  /** Nobody reads the collection before any more. */
  readonly forgetPrevious: (view: ViewName, collection: string) => Promise<void>;
}

const collectionName = ({ name, version }: Named, build: number): string => `${name}@${version}-${build}`;

export const aliasesIn = (db: Db, now: () => string): Aliases => {
  const all = db.collection<ViewAlias>(viewsCollection);
  const find = async (views: readonly Named[]) =>
    new Map((await all.find({ _id: { $in: views.map(({ name }) => name) } }).toArray()).map((alias) => [alias._id, alias]));
  const next = (view: Named, build: number) => ({ collection: collectionName(view, build), version: view.version, build, since: now() });
  return {
    load: async (views, fresh) => {
      const found = await find(views);
      const missing = views.filter(({ name }) => !found.has(name));
      if (missing.length === 0) return found;
      for (const view of missing) {
        const alias: Omit<ViewAlias, "_id"> = fresh
          ? { collection: collectionName(view, 1), version: view.version, build: 1, epoch: 0 }
          : { collection: collectionName({ ...view, version: 0 }, 0), version: 0, build: 0, epoch: 0, building: next(view, 1) };
        await all.updateOne({ _id: view.name }, { $setOnInsert: alias }, { upsert: true }).catch(unlessThere);
      }
      return find(views);
    },
    want: async (view) => {
      const alias = await all.findOne({ _id: view.name });
      if (alias === null) throw new Error(`view ${view.name} has no alias yet`);
      const { building: before } = alias;
      if (before !== undefined && before.version >= view.version) return before;
      const building = next(view, (before ?? alias).build + 1);
      const unmoved = before === undefined ? {} : { "building.collection": before.collection };
      await all.updateOne({ _id: view.name, build: alias.build, ...unmoved }, { $set: { building } });
      return (await all.findOne({ _id: view.name }))?.building ?? building;
    },
    swap: async (alias, { collection, version, build }, epoch, degraded) => {
      const swapped = await all.updateOne(
        { _id: alias._id, epoch: { $lte: epoch }, "building.collection": collection },
        {
          $set: {
            collection,
            version,
            build,
            epoch,
            previous: { collection: alias.collection, since: now() },
            ...(degraded ? { degraded } : {}),
          },
          $unset: { building: "", ...(degraded ? {} : { degraded: "" }) },
        },
      );
      return swapped.matchedCount === 1;
    },
    degrade: async (view, degraded) => {
      await all.updateOne({ _id: view }, { $set: { degraded } });
    },
    forgetPrevious: async (view, collection) => {
      await all.updateOne({ _id: view, "previous.collection": collection }, { $unset: { previous: "" } });
    },
  };
};

/** Another replica was first. */
const unlessThere = (error: unknown): undefined => {
  if (error instanceof Error && "code" in error && error.code === 11000) return undefined;
  throw error;
};
