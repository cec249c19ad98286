import { isDeepStrictEqual } from "node:util";
import { hashId } from "@outrider/contracts/ids";
import { memoryDocuments, projection } from "@outrider/eventing";
import { Refusal } from "@outrider/platform";
import type { Db } from "mongodb";
import { waitedAtOnceMs } from "./config.ts";
import type { AnyGroup } from "./groups.ts";
import type { ProjectorHost } from "./host.ts";
import { readingOnly, replay } from "./replay.ts";
import type { ProjectedView, Stamp } from "./view.ts";

export interface Verified {
  readonly seq: number;
  equal: number;
  moved: number;
  different: number;
  missing: number;
  unexpected: number;
  readonly first: string[];
}

const mostIds = 20;
/** What keeps us from reading for so long is told instead of waited for, ms. */
const standsStillMs = 5_000;

/**
 * Folds the stream anew up to where the view is, and compares every document. So that memory stays bounded, documents are taken in shares by
 * the hash of their ids, and the stream is read once per share. @throws Refusal when the stream cannot be read that far.
 */
export const verify = async (
  host: ProjectorHost,
  group: AnyGroup,
  view: ProjectedView<unknown>,
  { collection, seq }: { readonly collection: string; readonly seq: number },
  stop: AbortSignal,
): Promise<Verified> => {
  const { db, config } = host;
  const verified: Verified = { seq, equal: 0, moved: 0, different: 0, missing: 0, unexpected: 0, first: [] };
  const stored = await db.collection(collection).countDocuments();
  const shares = Math.max(1, Math.ceil(stored / config.PROJECTOR_VERIFY_DOCUMENTS));
  for (let share = 0; share < shares; share++) {
    const mine = (id: string): boolean => shares === 1 || shareOf(id, shares) === share;
    const folded = await fold(host, group, view, seq, mine, stop);
    await compare(db, collection, folded, mine, verified);
  }
  return verified;
};

const shareOf = (id: string, shares: number): number => Buffer.from(hashId(id)).readUInt32BE(0) % shares;

const fold = async (
  { kernel, config }: ProjectorHost,
  group: AnyGroup,
  view: ProjectedView<unknown>,
  seq: number,
  mine: (id: string) => boolean,
  stop: AbortSignal,
): Promise<ReadonlyMap<string, Stamp>> => {
  const over = AbortSignal.any([stop, kernel.stopping]);
  const documents = memoryDocuments<Stamp>();
  const of = { ...view, changes: (...asked: Parameters<typeof view.changes>) => view.changes(...asked).filter(({ id }) => mine(id)) };
  const into = projection(of, documents, { cache: 0 });
  const name = `projector.verify.${view.name}`;
  const { stream, codec } = group;
  let trouble: { readonly why: string; readonly since: number } | undefined;
  // What it meets is for whoever asked: the readers that serve may well go on.
  const ready = (_key: string, why: string | undefined): void => {
    if (why !== undefined) trouble = { why, since: trouble?.since ?? performance.now() };
  };
  const quiet = { ...kernel, ready };
  const lease = readingOnly(name);
  const reading = replay(quiet, { name, stream, codec, lease, batch: config.PROJECTOR_BATCH_MESSAGES }, (batch) => {
    trouble = undefined;
    return into.apply(
      batch.filter(({ revision }) => revision <= seq),
      lease,
    );
  });
  try {
    while (!over.aborted && !(await reading.reached(seq, performance.now() + waitedAtOnceMs))) {
      if (trouble !== undefined && performance.now() - trouble.since > standsStillMs)
        throw new Refusal("conflict", `${stream} cannot be read up to ${seq}, where the view is: ${trouble.why}`);
    }
    over.throwIfAborted();
    return documents.all;
  } finally {
    await reading.stop();
  }
};

const compare = async (
  db: Db,
  collection: string,
  folded: ReadonlyMap<string, Stamp>,
  mine: (id: string) => boolean,
  verified: Verified,
): Promise<void> => {
  const note = (kind: "different" | "missing" | "unexpected", id: string): void => {
    verified[kind] += 1;
    if (verified.first.length < mostIds) verified.first.push(id);
  };
  const seen = new Set<string>();
  for await (const { _id, ...document } of db.collection<Stamp & { _id: string }>(collection).find()) {
    if (!mine(_id)) continue;
    seen.add(_id);
    const expected = folded.get(_id);
    if (document._seq > verified.seq) verified.moved += 1;
    else if (expected === undefined) note("unexpected", _id);
    else if (isDeepStrictEqual(document, expected)) verified.equal += 1;
    else note("different", _id);
  }
  for (const id of folded.keys()) if (!seen.has(id)) note("missing", id);
};
