import type { HuntId, PersonId } from "@outrider/contracts/ids";
import type { Collection, Db } from "mongodb";
import { names, preloadAtMost } from "./config.ts";
import { type AdDocument, type ContactedDocument, type GatedDocument, type HuntDocument, idOf, type PersonDocument } from "./views.ts";

/** A person with all ads that are young enough, and what is known of them. `person` is null for one ad without a number. */
export interface Found {
  readonly person: PersonId | null;
  readonly ads: readonly AdDocument[];
  readonly contacted?: ContactedDocument | undefined;
  readonly said?: PersonDocument | undefined;
  /** Contacts of theirs that ended without having left, with when. */
  readonly gated: ReadonlyMap<string, string>;
}

/** What the service looks up in MongoDB: candidates and active hunts. Proposes only; whatever permits or pays is asked elsewhere. */
export interface Candidates {
  /** Hunts of an account that are active, or those that are named, whatever their state. */
  readonly hunts: (account: string, ids?: readonly HuntId[]) => Promise<readonly HuntDocument[]>;
  /** Everybody with an ad published since a moment, in order of person, ads without a number first. Holds one page in memory. */
  readonly scan: (account: string, sinceMs: number) => AsyncIterable<readonly Found[]>;
  readonly ads: (account: string, ids: readonly string[]) => Promise<ReadonlyMap<string, AdDocument>>;
  readonly person: (account: string, person: PersonId) => Promise<Found>;
  /** Drops ads that were last seen before a moment. */
  readonly dropOld: (beforeMs: number) => Promise<number>;
  readonly ensureIndexes: () => Promise<void>;
}

type Stored<Document> = Document & { readonly _id: string };

export const openCandidates = (db: Db, { page, huntsPage }: { readonly page: number; readonly huntsPage: number }): Candidates => {
  const ads = db.collection<Stored<AdDocument>>(names.ads);
  const hunts = db.collection<Stored<HuntDocument>>(names.hunts);
  const contacted = db.collection<Stored<ContactedDocument>>(names.contacted);
  const people = db.collection<Stored<PersonDocument>>(names.people);
  const gated = db.collection<Stored<GatedDocument>>(names.gated);

  const known = async (account: string, groups: readonly AdDocument[][], by: LookUps): Promise<readonly Found[]> => {
    const ids = groups.flatMap(([first]) => (first === undefined || first.person === null ? [] : [idOf(account, first.person)]));
    const [contacts, said] = await Promise.all([by.contacted(ids), by.people(ids)]);
    const ended = await by.gated(ids.flatMap((id) => contacts.get(id)?.contacts.map(({ contact }) => idOf(account, contact)) ?? []));
    return groups.map((group) => {
      const person = group[0]?.person ?? null;
      const id = idOf(account, person ?? "");
      const own = contacts.get(id);
      return { person, ads: group, contacted: own, said: said.get(id), gated: gatedOf(account, own, ended) };
    });
  };
  const oneByOne: LookUps = {
    contacted: (ids) => byId(contacted, ids),
    people: (ids) => byId(people, ids),
    gated: (ids) => byId(gated, ids),
  };
  const forMany = async (account: string): Promise<LookUps> => ({
    contacted: await allOrById(contacted, account),
    people: await allOrById(people, account),
    gated: await allOrById(gated, account),
  });

  return {
    hunts: async (account, ids) => {
      const filter = ids === undefined ? { account, status: "active" as const } : { _id: { $in: ids.map((id) => idOf(account, id)) } };
      const found: HuntDocument[] = [];
      for await (const each of hunts.find(filter).sort({ _id: 1 }).batchSize(huntsPage)) found.push(each);
      return found;
    },
    scan: async function* (account, sinceMs) {
      const cursor = ads
        .find({ account, publishedMs: { $gte: sinceMs } })
        .sort({ person: 1 })
        .batchSize(page);
      const by = await forMany(account);
      let groups: AdDocument[][] = [];
      let size = 0;
      for await (const each of cursor) {
        const last = groups.at(-1);
        if (each.person !== null && last?.[0]?.person === each.person) last.push(each);
        else {
          if (size >= page) {
            yield await known(account, groups, by);
            groups = [];
            size = 0;
          }
          groups.push([each]);
        }
        size += 1;
      }
      if (groups.length > 0) yield await known(account, groups, by);
    },
    ads: async (account, ids) => {
      const found = await byId(
        ads,
        ids.map((id) => idOf(account, id)),
      );
      return new Map([...found.values()].map((each) => [each.ad, each]));
    },
    person: async (account, person) => {
      const own = await ads.find({ account, person }).toArray();
      const [found] = own.length === 0 ? [] : await known(account, [own], oneByOne);
      return found ?? { person, ads: [], gated: new Map() };
    },
    dropOld: async (beforeMs) => {
      // How a contact ended is kept as long as the contact itself, which is for good: without it, one that never left counts as made.
      const { deletedCount } = await ads.deleteMany({ seenMs: { $lt: beforeMs } });
      return deletedCount;
    },
    ensureIndexes: async () => {
      await ads.createIndex({ account: 1, person: 1, publishedMs: 1 });
      await ads.createIndex({ seenMs: 1 });
      await hunts.createIndex({ account: 1, status: 1 });
      for (const each of [contacted, people, gated]) await each.createIndex({ account: 1 });
    },
  };
};

interface LookUps {
  readonly contacted: LookUp<ContactedDocument>;
  readonly people: LookUp<PersonDocument>;
  readonly gated: LookUp<GatedDocument>;
}
type LookUp<Document> = (ids: readonly string[]) => Promise<ReadonlyMap<string, Document>>;

/** Reading one by one costs a server many times what reading in a row does: what is few enough is read once for the whole scan. */
const allOrById = async <Document extends { readonly _id: string; readonly account: string }>(
  collection: Collection<Document>,
  account: string,
): Promise<LookUp<Document>> => {
  const all = new Map<string, Document>();
  for await (const each of collection.find({ account } as object).limit(preloadAtMost + 1)) {
    all.set(each._id, each as unknown as Document);
  }
  return all.size > preloadAtMost ? (ids) => byId(collection, ids) : async () => all;
};

const byId = async <Document extends { readonly _id: string }>(
  collection: Collection<Document>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Document>> => {
  const found = new Map<string, Document>();
  for (let from = 0; from < ids.length; from += 1000) {
    const filter = { _id: { $in: ids.slice(from, from + 1000) } } as Parameters<Collection<Document>["find"]>[0];
    for await (const each of collection.find(filter as object)) found.set(each._id, each as unknown as Document);
  }
  return found;
};

const gatedOf = (
  account: string,
  own: ContactedDocument | undefined,
  ended: ReadonlyMap<string, GatedDocument>,
): ReadonlyMap<string, string> =>
  new Map(
    (own?.contacts ?? []).flatMap(({ contact }) => {
      const end = ended.get(idOf(account, contact));
      return end === undefined ? [] : [[contact, end.at] as const];
    }),
  );
