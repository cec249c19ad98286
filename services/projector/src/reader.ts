import type { ViewName } from "@outrider/contracts/documents";
import { readerOf, type ViewAlias } from "@outrider/contracts/projector";
import { type Followed, type Follower, follow, type Lease, type Projection, pauseFor, projection } from "@outrider/eventing";
import { mongoPositions } from "@outrider/platform";
import { build, dropped, index } from "./build.ts";
import type { AnyGroup } from "./groups.ts";
import { guarded, type Stumble } from "./guarded.ts";
import type { ProjectorHost } from "./host.ts";
import { viewDocuments } from "./known-ids.ts";
import type { ProjectedView } from "./view.ts";

/** One active reader per stream feeds all of its views, and builds anew what is wanted, beside the collections that serve. */
export const readGroup = (host: ProjectorHost, group: AnyGroup): Follower => {
  const { kernel, db, aliases, config } = host;
  const reader = readerOf(group.stream);
  const positions = mongoPositions(db, reader);
  let active: Promise<ReadonlyMap<ViewName, Projection<unknown>>> | undefined;
  /** Up to where the collections that serve hold everything; undefined: up to the stored position. */
  let applied: number | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  /** The last message that each view passed over here. */
  const stumbles = new Map<ViewName, NonNullable<ViewAlias["degraded"]>>();

  /** Batches and swaps one after the other. */
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  };

  const stumbled = ({ view, seq, reason }: Stumble): void => {
    kernel.ready(`view ${view}`, `the view ${view} is degraded: ${group.stream}:${seq} ${reason}; mend it and rebuild the view`);
    kernel.instruments.count("outrider_view_degraded_total", { view });
    kernel.instruments.log("error", "a view passed over a message", { view, stream: group.stream, seq, reason });
    const degraded = { seq, reason, at: host.now() };
    stumbles.set(view, degraded);
    aliases.degrade(view, degraded).catch((error: unknown) => {
      kernel.instruments.log("error", "a degraded view could not be marked", { view, error });
    });
  };

  const load = async (): Promise<ReadonlyMap<ViewName, ViewAlias>> => aliases.load(group.views, (await positions.load()) === undefined);

  const current = async (): Promise<ReadonlyMap<ViewName, Projection<unknown>>> => {
    const found = await load();
    const serving = group.views.filter(({ name, version }) => found.get(name)?.version === version);
    const entries: (readonly [ViewName, Projection<unknown>])[] = [];
    for (const view of serving) {
      const alias = found.get(view.name);
      if (alias === undefined) continue;
      const { collection, degraded } = alias;
      if (degraded !== undefined) kernel.ready(`view ${view.name}`, `the view ${view.name} is degraded: ${degraded.reason}`);
      await index(db, collection, view);
      entries.push([view.name, project(view, collection)]);
    }
    return new Map(entries);
  };
  const project = (view: ProjectedView<unknown>, collection: string): Projection<unknown> =>
    projection(guarded(view, stumbled), viewDocuments(db, collection, reader), {
      cache: config.PROJECTOR_CACHE_DOCUMENTS,
    });

  const take = async (batch: readonly Followed<unknown>[], lease: Lease): Promise<void> => {
    active ??= current();
    const views = [...(await active).values()];
    await Promise.all(views.map((view) => view.apply(batch, lease.epoch)));
    applied = batch.at(-1)?.revision ?? applied;
  };

  /** As long as this replica is the reader: builds what is wanted, drops what nobody reads any more. */
  const keep = async (lease: Lease): Promise<void> => {
    while (!lease.lost.aborted && !kernel.stopping.aborted) {
      try {
        for (const alias of (await load()).values()) await attend(alias, lease);
      } catch (error) {
        kernel.instruments.log("warn", "views could not be looked after; trying again", { stream: group.stream, error });
      }
      await pauseFor(config.PROJECTOR_LOOK_EVERY_MS, AbortSignal.any([lease.lost, kernel.stopping]));
    }
  };

  const attend = async (alias: ViewAlias, lease: Lease): Promise<void> => {
    const view = group.views.find(({ name }) => name === alias._id);
    if (view === undefined) return;
    const { previous } = alias;
    if (previous !== undefined && Date.parse(host.now()) - Date.parse(previous.since) > config.PROJECTOR_KEEP_OLD_MS) {
      await dropped(db, previous.collection);
      await aliases.forgetPrevious(view.name, previous.collection);
    }
    const building = alias.building ?? (alias.version < view.version ? await aliases.want(view) : undefined);
    if (building === undefined || building.version !== view.version) return;
    await build(host, group, view, building, lease, {
      exclusive,
      applied: async () => applied ?? (await positions.load())?.seq ?? 0,
      swap: async (met, upTo) => {
        active = undefined; // whatever comes of it, look again
        const last = stumbles.get(view.name);
        const degraded = met ?? (last !== undefined && last.seq > upTo ? last : undefined);
        const swapped = await aliases.swap(alias, building, lease.epoch, degraded);
        if (swapped && degraded === undefined) kernel.ready(`view ${view.name}`, undefined);
        return swapped;
      },
    });
  };

  return follow(
    kernel,
    {
      name: reader,
      stream: group.stream,
      codec: group.codec,
      positions,
      batch: config.PROJECTOR_BATCH_MESSAGES,
      lingerMs: config.PROJECTOR_LINGER_MS,
      acquire: async (name, stop) => {
        const lease = await host.acquire(name, stop);
        void keep(lease);
        return lease;
      },
      restart: () => {
        active = undefined;
        applied = undefined;
      },
      poison: async (_stream, seq) => {
        for (const { name } of group.views) stumbled({ view: name, seq, reason: "cannot be read" });
      },
    },
    (batch, lease) => exclusive(() => take(batch, lease)),
  );
};
