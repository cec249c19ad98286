import type { HuntId, PersonId } from "@outrider/contracts/ids";
import type { Collection, Db } from "mongodb";
import { names } from "./config.ts";
import { byId, type Histories, type History, historiesIn, historiesOf, type LookUps, type Stored } from "./look-ups.ts";
import {
  type AdDocument,
  type HuntDocument,
  idOf,
  type RequestedCount,
  type RequestedDocument,
  requestedIdOf,
  requestedWhile,
} from "./views.ts";

/** A person with all ads that are young enough, and what is known of them. `person` is null for one ad without a number. */
export interface Found extends History {
  readonly person: PersonId | null;
  readonly ads: readonly AdDocument[];
}

/** What the service looks up in MongoDB: candidates and active hunts. Proposes only; whatever permits or pays is asked elsewhere. */
export interface Candidates {
  /** Hunts of an account that are active, or those that are named, whatever their state. */
  readonly hunts: (account: string, ids?: readonly HuntId[]) => Promise<readonly HuntDocument[]>;
  readonly countActive: (account: string) => Promise<number>;
  /** Everybody with an ad published since a moment, in order of person, ads without a number first. Holds two pages in memory: the next one is read while one is looked at. */
  readonly scan: (account: string, sinceMs: number) => AsyncIterable<readonly Found[]>;
  readonly ads: (account: string, ids: readonly string[]) => Promise<ReadonlyMap<string, AdDocument>>;
  readonly person: (account: string, person: PersonId) => Promise<Found>;
  /** Contacts that no pass has asked for, at moments that are wanted, at most a day from one of them. */
  readonly requested: (account: string, nearMs: number, isWanted: (ms: number) => boolean) => Promise<RequestedCount>;
}

export interface CandidatesOptions {
  /** Ads and hunts that are fetched at a time. */
  readonly page: number;
  readonly huntsPage: number;
  /** Contacts from before this moment (ISO) are forgotten. */
  readonly rememberedSince: () => string;
}

export const openCandidates = (db: Db, { page, huntsPage, rememberedSince }: CandidatesOptions): Candidates => {
  const ads = db.collection<Stored<AdDocument>>(names.ads);
  const hunts = db.collection<Stored<HuntDocument>>(names.hunts);
  const requested = db.collection<Stored<RequestedDocument>>(names.requested);
  const histories = historiesIn(db);
  const known = (account: string, groups: readonly AdDocument[][], by: LookUps) => foundOf(account, groups, by, rememberedSince());

  return {
    hunts: async (account, ids) => {
      const filter = ids === undefined ? { account, status: "active" as const } : { _id: { $in: ids.map((id) => idOf(account, id)) } };
      const found: HuntDocument[] = [];
      for await (const each of hunts.find(filter).sort({ _id: 1 }).batchSize(huntsPage)) found.push(each);
      return found;
    },
    countActive: (account) => hunts.countDocuments({ account, status: "active" as const }),
    scan: (account, sinceMs) => readAhead(scan({ ads, histories, page, known }, account, sinceMs)),
    ads: async (account, ids) => {
      const found = await byId(
        ads,
        ids.map((id) => idOf(account, id)),
      );
      return new Map([...found.values()].map((each) => [each.ad, each]));
    },
    person: async (account, person) => {
      const own = await ads.find({ account, person }).toArray();
      const [found] = own.length === 0 ? [] : await known(account, [own], histories.oneByOne);
      return found ?? { person, ads: [], gated: new Map() };
    },
    requested: async (account, nearMs, isWanted) => {
      const days = [nearMs - dayMs, nearMs, nearMs + dayMs].map((ms) => requestedIdOf(account, ms));
      return requestedWhile((await byId(requested, days)).values(), isWanted);
    },
  };
};

const dayMs = 86_400_000;

const foundOf = async (
  account: string,
  groups: readonly AdDocument[][],
  by: LookUps,
  rememberedSince: string,
): Promise<readonly Found[]> => {
  const people = groups.flatMap(([first]) => first?.person ?? []);
  const historyOf = await historiesOf(by, account, people, rememberedSince);
  return groups.map((group) => {
    const person = group[0]?.person ?? null;
    return { person, ads: group, ...historyOf(person ?? "") };
  });
};

interface Scanned {
  readonly ads: Collection<Stored<AdDocument>>;
  readonly histories: Histories;
  readonly page: number;
  readonly known: (account: string, groups: readonly AdDocument[][], by: LookUps) => Promise<readonly Found[]>;
}

async function* scan({ ads, histories, page, known }: Scanned, account: string, sinceMs: number): AsyncGenerator<readonly Found[]> {
  const cursor = ads
    .find({ account, publishedMs: { $gte: sinceMs } })
    .sort({ person: 1 })
    .batchSize(page);
  const by = await histories.forMany(account);
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
}

/** Asks for the next page before this one is handed over, so that the server reads while the caller computes. */
export async function* readAhead<Page>(pages: AsyncGenerator<Page, void>): AsyncGenerator<Page, void> {
  const ask = (): ReturnType<typeof pages.next> => {
    const asked = pages.next();
    asked.catch(() => undefined); // told when its turn comes, if it comes
    return asked;
  };
  try {
    for (let next = ask(); ; ) {
      const page = await next;
      if (page.done === true) return;
      next = ask();
      yield page.value;
    }
  } finally {
    await pages.return();
  }
}
