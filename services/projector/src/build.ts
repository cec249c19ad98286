import { readerOf, type ViewAlias } from "@outrider/contracts/projector";
import { assertStillHeld, type Held, type Lease, projection } from "@outrider/eventing";
import type { Db } from "mongodb";
import { waitedAtOnceMs } from "./config.ts";
import type { AnyGroup } from "./groups.ts";
import { guarded } from "./guarded.ts";
import type { ProjectorHost } from "./host.ts";
import { viewDocuments } from "./known-ids.ts";
import { replay } from "./replay.ts";
import { keptOf, type ProjectedView } from "./view.ts";

/** What a build needs of the reader that feeds the collection now. */
interface Serving {
  /** Runs `work` while the reader stands still. */
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
  /** Up to where the collection that serves holds everything. */
  readonly applied: () => Promise<number>;
  /** `upTo`: how far the new collection is. What was passed over beyond that still counts. */
  readonly swap: (degraded: ViewAlias["degraded"], upTo: number) => Promise<boolean>;
}

/**
 * Folds a view from the start of its stream into a new collection while the old one serves, catches up while the reader stands still for a
 * moment, and swaps. Killed anywhere, it begins again. The new collection may be ahead of the reader: documents know their last message.
 */
export const build = async (
  { kernel, db, config, now }: ProjectorHost,
  group: AnyGroup,
  view: ProjectedView<unknown>,
  { collection }: NonNullable<ViewAlias["building"]>,
  lease: Lease,
  serving: Serving,
): Promise<void> => {
  const name = `projector.build.${view.name}`;
  let degraded: ViewAlias["degraded"];
  const stumbled = (seq: number, reason: string): void => {
    degraded ??= { seq, reason, at: now() };
  };
  await dropped(db, collection, lease);
  await index(db, collection, view);
  const documents = viewDocuments(db, collection, readerOf(group.stream));
  const into = projection(
    guarded(view, ({ seq, reason }) => stumbled(seq, reason)),
    documents,
    { cache: keptOf(view, config.PROJECTOR_CACHE_DOCUMENTS) },
  );
  const { stream, codec } = group;
  const poison = async (_stream: string, seq: number): Promise<void> => stumbled(seq, "cannot be read");
  kernel.instruments.log("info", "a view is built anew", { view: view.name, collection });
  const reading = replay(kernel, { name, stream, codec, lease, poison, batch: config.PROJECTOR_BATCH_MESSAGES }, (batch) =>
    into.apply(batch, lease),
  );
  const over = () => lease.lost.aborted || kernel.stopping.aborted;
  try {
    while (!over() && !(await reading.reached(await serving.applied(), performance.now() + waitedAtOnceMs)));
    await serving.exclusive(async () => {
      while (!over() && !(await reading.reached(await serving.applied(), performance.now() + waitedAtOnceMs)));
      await reading.stop();
      if (over() || !(await serving.swap(degraded, reading.position()))) return;
      kernel.instruments.log("info", "a view has been built anew and serves", { view: view.name, collection });
    });
  } finally {
    await reading.stop();
    kernel.ready(name, undefined);
  }
};

/** Makes what people look the view up by. A server that cannot index still serves. */
export const index = async (db: Db, collection: string, view: ProjectedView<unknown>): Promise<void> => {
  if (view.indexes.length === 0) return;
  await db.collection(collection).createIndexes(view.indexes.map((key) => ({ key: { ...key } })));
};

/**
 * Drops a collection, if it is there. Throws once the lease is lost: what nobody read when the reader looked, the next one may have built and swapped in
 * since.
 */
export const dropped = async (db: Db, collection: string, lease: Held): Promise<void> => {
  assertStillHeld(lease);
  try {
    await db.collection(collection).drop();
  } catch (error) {
    // The embedded server gives no code for it, so its words have to do.
    if (!(error instanceof Error && error.message.includes("ns not found"))) throw error;
  }
};
