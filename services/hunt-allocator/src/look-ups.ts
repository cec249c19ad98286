import type { Collection, Db } from "mongodb";
import { names, preloadAtMost } from "./config.ts";
import { type ContactedDocument, type GatedDocument, idOf, type PersonDocument } from "./views.ts";

export type Stored<Document> = Document & { readonly _id: string };
type LookUp<Document> = (ids: readonly string[]) => Promise<ReadonlyMap<string, Document>>;

/** What is known of people, by ids of documents. */
export interface LookUps {
  readonly contacted: LookUp<ContactedDocument>;
  readonly people: LookUp<PersonDocument>;
  readonly gated: LookUp<GatedDocument>;
}

export interface Histories {
  readonly oneByOne: LookUps;
  /** For a scan of a whole account. */
  readonly forMany: (account: string) => Promise<LookUps>;
}

export const historiesIn = (db: Db): Histories => {
  const contacted = db.collection<Stored<ContactedDocument>>(names.contacted);
  const people = db.collection<Stored<PersonDocument>>(names.people);
  const gated = db.collection<Stored<GatedDocument>>(names.gated);
  return {
    oneByOne: {
      contacted: (ids) => byId(contacted, ids),
      people: (ids) => byId(people, ids),
      gated: (ids) => byId(gated, ids),
    },
    forMany: async (account) => ({
      contacted: await allOrById(contacted, account),
      people: await allOrById(people, account),
      gated: await allOrById(gated, account),
    }),
  };
};

/** What one person's history comes to, as far back as is remembered (ISO). */
export interface History {
  readonly contacted?: ContactedDocument | undefined;
  readonly said?: PersonDocument | undefined;
  /** Contacts of theirs that ended without having left, with when. */
  readonly gated: ReadonlyMap<string, string>;
}

/** The histories of people, by person. */
export const historiesOf = async (
  by: LookUps,
  account: string,
  people: readonly string[],
  since: string,
): Promise<(person: string) => History> => {
  const ids = people.map((person) => idOf(account, person));
  const [contacts, said] = await Promise.all([by.contacted(ids), by.people(ids)]);
  const remembered = new Map([...contacts].map(([id, document]) => [id, after(document, since)] as const));
  const made = [...remembered.values()].flatMap((document) => document.contacts.map(({ contact }) => idOf(account, contact)));
  const ended = await by.gated(made);
  return (person) => {
    const id = idOf(account, person);
    const contacted = remembered.get(id);
    const gated = (contacted?.contacts ?? []).flatMap(({ contact }) => {
      const end = ended.get(idOf(account, contact));
      return end === undefined ? [] : [[contact, end.at] as const];
    });
    return { contacted, said: said.get(id), gated: new Map(gated) };
  };
};

/** Older entries are forgotten together with how they ended, which would else count as made. */
const after = (document: ContactedDocument, since: string): ContactedDocument =>
  document.contacts.every(({ at }) => at >= since)
    ? document
    : { ...document, contacts: document.contacts.filter(({ at }) => at >= since) };

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

export const byId = async <Document extends { readonly _id: string }>(
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
