import { pauseFor } from "@outrider/eventing";
import type { AccountsWatch, Service } from "@outrider/platform";
import type { Collection, Db } from "mongodb";
import { type AllocatorConfig, dropEveryMs, droppedAtOnce, keepRequestedDays, names, tidyAgainMs } from "./config.ts";
import type { AdDocument, ContactedDocument, GatedDocument, HuntDocument, PersonDocument, RequestedDocument } from "./views.ts";

const dayMs = 86_400_000;

/** The look-ups' collections, with what keeps them fast and bounded. Every replica may tidy at any time. */
export interface Shelves {
  readonly ensureIndexes: () => Promise<void>;
  /** Drops, page by page, ads that were last seen before a moment, and contacts and requests that were decided before theirs. */
  readonly dropOld: (before: { readonly adsMs: number; readonly contactedMs: number; readonly requestedMs: number }) => Promise<number>;
}

export const shelvesIn = (db: Db): Shelves => {
  const ads = db.collection<AdDocument>(names.ads);
  const hunts = db.collection<HuntDocument>(names.hunts);
  const contacted = db.collection<ContactedDocument>(names.contacted);
  const people = db.collection<PersonDocument>(names.people);
  const gated = db.collection<GatedDocument>(names.gated);
  const requested = db.collection<RequestedDocument>(names.requested);
  return {
    ensureIndexes: async () => {
      await ads.createIndex({ account: 1, person: 1, publishedMs: 1 });
      await ads.createIndex({ seenMs: 1 });
      await hunts.createIndex({ account: 1, status: 1 });
      for (const each of [contacted, people, gated]) await each.createIndex({ account: 1 });
      await contacted.createIndex({ lastMs: 1 });
      await gated.createIndex({ atMs: 1 });
      await requested.createIndex({ dayMs: 1 });
    },
    dropOld: async ({ adsMs, contactedMs, requestedMs }) => {
      let dropped = await dropWhere(ads, { seenMs: { $lt: adsMs } });
      dropped += await dropWhere(contacted, { lastMs: { $lt: contactedMs } });
      // How a contact ended matters as long as the contact does: what is older than this is not read any more.
      dropped += await dropWhere(gated, { atMs: { $lt: contactedMs } });
      return dropped + (await dropWhere(requested, { dayMs: { $lt: requestedMs } }));
    },
  };
};

/** In pages, so that a long backlog holds up nobody. One that has changed meanwhile stays. */
const dropWhere = async <Document extends object>(collection: Collection<Document>, filter: object): Promise<number> => {
  for (let dropped = 0; ; ) {
    const page = await collection
      .find(filter as never)
      .project<{ _id: unknown }>({ _id: 1 })
      .limit(droppedAtOnce)
      .toArray();
    if (page.length === 0) return dropped;
    const { deletedCount } = await collection.deleteMany({ ...filter, _id: { $in: page.map(({ _id }) => _id) } } as never);
    dropped += deletedCount;
    if (page.length < droppedAtOnce) return dropped;
  }
};

/** Days for which it is remembered whom a hunt has contacted: no account may ask again so late that it is forgotten. */
export const keptDays = (accounts: Pick<AccountsWatch, "all">, least: number): number => {
  let most = least;
  for (const { policy } of accounts.all()) most = Math.max(most, policy.recontactAfterDays + 1);
  return most;
};

/** Makes the indexes, and from time to time drops what nobody will look up any more, so that the look-ups stay bounded. */
export const keepTidy = (
  { clock, log, stopping, config }: Pick<Service<AllocatorConfig>, "clock" | "log" | "stopping" | "config">,
  shelves: Shelves,
  accounts: Pick<AccountsWatch, "all" | "caughtUp">,
): void => {
  void (async () => {
    while (!stopping.aborted) {
      try {
        await shelves.ensureIndexes();
        await accounts.caughtUp;
        const daysAgo = (days: number): number => clock.nowMs() - days * dayMs;
        const dropped = await shelves.dropOld({
          adsMs: daysAgo(config.KEEP_ADS_DAYS),
          contactedMs: daysAgo(keptDays(accounts, config.KEEP_CONTACTED_DAYS)),
          requestedMs: daysAgo(keepRequestedDays),
        });
        if (dropped > 0) log.info({ dropped }, "look-ups of long ago were dropped");
        await pauseFor(dropEveryMs, stopping);
      } catch (error) {
        log.debug({ error }, "the look-ups cannot be tidied now");
        await pauseFor(tidyAgainMs, stopping);
      }
    }
  })();
};
