import type { ViewName } from "@outrider/contracts/documents";
import { readerOf, type ViewAlias } from "@outrider/contracts/projector";
import {
  type Followed,
  type Follower,
  follow,
  type Lease,
  type Positions,
  type Projection,
  pauseFor,
  projection,
} from "@outrider/eventing";
import { mongoPositions } from "@outrider/platform";
import { build, dropped, index } from "./build.ts";
import type { AnyGroup } from "./groups.ts";
import { guarded, type Stumble } from "./guarded.ts";
import type { ProjectorHost } from "./host.ts";
import { viewDocuments } from "./known-ids.ts";
import { keptOf, type ProjectedView } from "./view.ts";

/** One active reader per stream feeds all of its views, and builds anew what is wanted, beside the collections that serve. */
export const readGroup = (host: ProjectorHost, group: AnyGroup): Follower => {
  const { kernel, config } = host;
  const reader = new GroupReader(host, group);
  return follow(
    kernel,
    {
      name: readerOf(group.stream),
      stream: group.stream,
      codec: group.codec,
      positions: reader.positions,
      batch: config.PROJECTOR_BATCH_MESSAGES,
      lingerMs: config.PROJECTOR_LINGER_MS,
      acquire: async (name, stop) => {
        const lease = await host.acquire(name, stop);
        void reader.keep(lease);
        return lease;
      },
      restart: () => reader.forget(),
      poison: async (_stream, seq) => {
        for (const { name } of group.views) reader.stumbled({ view: name, seq, reason: "cannot be read" });
      },
    },
    (batch, lease) => reader.take(batch, lease),
  );
};

/** What one reader keeps in memory, and what it does with it. */
class GroupReader {
  readonly positions: Positions;
  readonly #host: ProjectorHost;
  readonly #group: AnyGroup;
  #active: Promise<ReadonlyMap<ViewName, Projection<unknown>>> | undefined;
  /** Up to where the collections that serve hold everything; undefined: up to the stored position. */
  #applied: number | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** The last message that each view passed over here. */
  readonly #stumbles = new Map<ViewName, NonNullable<ViewAlias["degraded"]>>();

  constructor(host: ProjectorHost, group: AnyGroup) {
    this.#host = host;
    this.#group = group;
    this.positions = mongoPositions(host.db, readerOf(group.stream));
  }

  forget(): void {
    this.#active = undefined;
    this.#applied = undefined;
  }

  take(batch: readonly Followed<unknown>[], lease: Lease): Promise<void> {
    return this.#exclusive(async () => {
      this.#active ??= this.#current();
      const views = [...(await this.#active).values()];
      await Promise.all(views.map((view) => view.apply(batch, lease)));
      this.#applied = batch.at(-1)?.revision ?? this.#applied;
    });
  }

  readonly stumbled = ({ view, seq, reason }: Stumble): void => {
    const { kernel, aliases, now } = this.#host;
    const { stream } = this.#group;
    this.#tellDegraded(view, { seq, reason });
    kernel.instruments.count("outrider_view_degraded_total", { view });
    kernel.instruments.log("error", "a view passed over a message", { view, stream, seq, reason });
    const degraded = { seq, reason, at: now() };
    this.#stumbles.set(view, degraded);
    aliases.degrade(view, degraded).catch((error: unknown) => {
      kernel.instruments.log("error", "a degraded view could not be marked", { view, error });
    });
  };

  #tellDegraded(view: ViewName, { seq, reason }: Pick<NonNullable<ViewAlias["degraded"]>, "seq" | "reason">): void {
    const why = `${this.#group.stream}:${seq} ${reason}; mend it and rebuild the view`;
    this.#host.kernel.ready(`view ${view}`, `the view ${view} is degraded: ${why}`);
  }

  /** As long as this replica is the reader: builds what is wanted, drops what nobody reads any more. */
  async keep(lease: Lease): Promise<void> {
    const { kernel, config } = this.#host;
    while (!lease.lost.aborted && !kernel.stopping.aborted) {
      try {
        for (const alias of (await this.#load()).values()) await this.#attend(alias, lease);
      } catch (error) {
        kernel.instruments.log("warn", "views could not be looked after; trying again", { stream: this.#group.stream, error });
      }
      await pauseFor(config.PROJECTOR_LOOK_EVERY_MS, AbortSignal.any([lease.lost, kernel.stopping]));
    }
  }

  /** Batches and swaps one after the other. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #load(): Promise<ReadonlyMap<ViewName, ViewAlias>> {
    return this.#host.aliases.load(this.#group.views, (await this.positions.load()) === undefined);
  }

  async #current(): Promise<ReadonlyMap<ViewName, Projection<unknown>>> {
    const { db } = this.#host;
    const found = await this.#load();
    // Its collection is for a newer release to fold: read on from here, it would never hear of what is passed over now. Unless a build of
    // this release is to take its place, which a newer one would replace by its own.
    const ahead = this.#group.views.find(({ name, version }) => {
      const alias = found.get(name);
      return alias !== undefined && alias.version > version && alias.building?.version !== version;
    });
    if (ahead !== undefined) throw new Error(`the view ${ahead.name} was built by a newer release; a replica of that release must read on`);
    const serving = this.#group.views.filter(({ name, version }) => found.get(name)?.version === version);
    const entries: (readonly [ViewName, Projection<unknown>])[] = [];
    for (const view of serving) {
      const alias = found.get(view.name);
      if (alias === undefined) continue;
      const { collection, degraded } = alias;
      if (degraded !== undefined) this.#tellDegraded(view.name, degraded);
      await index(db, collection, view);
      entries.push([view.name, this.#project(view, collection)]);
    }
    return new Map(entries);
  }

  #project(view: ProjectedView<unknown>, collection: string): Projection<unknown> {
    const { db, config } = this.#host;
    return projection(guarded(view, this.stumbled), viewDocuments(db, collection, readerOf(this.#group.stream)), {
      cache: keptOf(view, config.PROJECTOR_CACHE_DOCUMENTS),
    });
  }

  async #attend(alias: ViewAlias, lease: Lease): Promise<void> {
    const { db, aliases, config, now } = this.#host;
    const view = this.#group.views.find(({ name }) => name === alias._id);
    if (view === undefined) return;
    const { previous } = alias;
    if (previous !== undefined && Date.parse(now()) - Date.parse(previous.since) > config.PROJECTOR_KEEP_OLD_MS) {
      await dropped(db, previous.collection, lease);
      await aliases.forgetPrevious(view.name, previous.collection);
    }
    const { version: wanted } = alias.building ?? alias;
    // What an earlier release wanted is for nobody to finish any more.
    const building = wanted < view.version ? await aliases.want(view) : alias.building;
    if (building === undefined || building.version !== view.version) return;
    // As it is now that this build is wanted, and no other can be swapped in: another replica may have done so since we looked.
    const serving = (await this.#load()).get(view.name);
    if (serving?.building?.collection !== building.collection) return;
    const given = alias.building?.collection;
    if (given !== undefined && given !== building.collection && given !== serving.collection) await dropped(db, given, lease);
    await build(this.#host, this.#group, view, building, lease, {
      exclusive: (work) => this.#exclusive(work),
      applied: async () => this.#applied ?? (await this.positions.load())?.seq ?? 0,
      swap: (met, upTo) => this.#swap({ alias: serving, view, building, lease }, met, upTo),
    });
  }

  async #swap({ alias, view, building, lease }: Swap, met: ViewAlias["degraded"], upTo: number): Promise<boolean> {
    this.#active = undefined; // whatever comes of it, look again
    const last = this.#stumbles.get(view.name);
    const degraded = met ?? (last !== undefined && last.seq > upTo ? last : undefined);
    const swapped = await this.#host.aliases.swap(alias, building, lease.epoch, degraded);
    if (swapped && degraded === undefined) this.#host.kernel.ready(`view ${view.name}`, undefined);
    return swapped;
  }
}

interface Swap {
  readonly alias: ViewAlias;
  readonly view: ProjectedView<unknown>;
  readonly building: NonNullable<ViewAlias["building"]>;
  readonly lease: Lease;
}
