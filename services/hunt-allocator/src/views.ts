import type { AdEvent } from "@outrider/contracts/ads";
import type { ContactEvent } from "@outrider/contracts/contact";
import type { Sealed } from "@outrider/contracts/define";
import type { Channel, NumberFacts, Purpose } from "@outrider/contracts/fields";
import type { HuntEvent, RunEvent } from "@outrider/contracts/hunts";
import type { AdId, ContactId, HuntId, PersonId } from "@outrider/contracts/ids";
import type { PersonEvent } from "@outrider/contracts/registry";
import { parseSubject } from "@outrider/contracts/streams";
import type { Change, Followed, View } from "@outrider/eventing";
import { names } from "./config.ts";
import { type Hunt, hunts } from "./hunt.ts";
import type { Matchable } from "./matches.ts";

/** An ad as matching and rendering need it. One document per ad, by the ads' own stream alone; personal fields stay sealed. */
export interface AdDocument extends Matchable {
  readonly account: string;
  readonly ad: AdId;
  /** Null when the ad shows no usable number: such ads are counted, never written to. */
  readonly person: PersonId | null;
  readonly facts?: NumberFacts | undefined;
  readonly ownerName?: Sealed | undefined;
  readonly noCanvassing: boolean;
  readonly currency?: string | undefined;
  readonly city?: string | undefined;
  readonly url?: string | undefined;
  readonly seenMs: number;
}

/** What our own runs have decided about one person, by the stream HUNTS alone. */
export interface ContactedDocument {
  readonly account: string;
  readonly person: PersonId;
  /** The last contact of each hunt. */
  readonly contacts: readonly Contacted[];
  /** The last recorded denial by hunt. */
  readonly denials: Readonly<Record<string, { readonly at: string; readonly rule: string }>>;
  /** When anything of this was last decided: what is long ago is forgotten. */
  readonly lastMs: number;
}
export interface Contacted {
  readonly hunt: HuntId;
  readonly contact: ContactId;
  readonly at: string;
  readonly channel: Channel;
  readonly purpose: Purpose;
  readonly run: string;
  readonly pass: number;
}

/** What people have said, by the stream REGISTRY alone: only for the preview; the permit asks the person itself. */
export interface PersonDocument {
  readonly account: string;
  readonly person: PersonId;
  readonly erased?: boolean;
  readonly optedOut?: { readonly at: string; readonly by: string };
  readonly refusedAt?: string;
  readonly consents: readonly { readonly at: string; readonly source: string; readonly basis: "consent" | "existing-customer" }[];
}

export type HuntDocument = Extract<Hunt, { readonly hunt: HuntId }> & { readonly account: string };

/** A contact that ended without having left: a later pass may ask again. By the stream SMS alone. */
export interface GatedDocument {
  readonly account: string;
  readonly contact: ContactId;
  readonly at: string;
  readonly atMs: number;
  readonly rule: string;
}

/** Contacts that no pass has asked for, of one account and one day (UTC), by quarter of an hour: the account's own day begins at any. */
export interface RequestedDocument {
  readonly account: string;
  readonly dayMs: number;
  /** The last message that is counted: a batch may be read again. */
  readonly seq: number;
  readonly quarters: Readonly<Record<string, RequestedCount>>;
}
export interface RequestedCount {
  readonly all: number;
  readonly hunts: Readonly<Record<string, number>>;
}

/** The id of each document: account and the id of what it is about. */
export const idOf = (account: string, id: string): string => `${account}:${id}`;

const consentsKept = 20;

const whose = ({ subject }: Followed<unknown>): { readonly account: string; readonly id: string } => {
  const parsed = parseSubject(subject);
  if (parsed === undefined) throw new TypeError("a followed subject has another form than its stream's");
  return parsed;
};

const folding = <Document>(id: string, fold: Change<Document>["fold"]): readonly Change<Document>[] => [{ id, fold }];

export const adsView: View<AdDocument, AdEvent> = {
  name: names.ads,
  version: 1,
  changes: ({ data }, message) => {
    const { account, id } = whose(message);
    // Each message of an ad carries it whole: what was there before does not matter.
    const { sourceId: _1, description: _2, pictures: _3, digest: _4, fuel: _5, gearbox: _6, vehicleType: _7, publishedAt, ...ad } = data.ad;
    const seenMs = Date.parse("seenAt" in data ? data.seenAt : message.at);
    const document = { ...ad, account, person: ad.person ?? null, publishedMs: Date.parse(publishedAt) || 0, seenMs };
    return folding(idOf(account, id), () => document);
  },
};

export const huntsView: View<HuntDocument, HuntEvent | RunEvent> = {
  name: names.hunts,
  version: 1,
  changes: (event, message) => {
    const { account, id } = whose(message);
    if (!isHuntEvent(event)) return [];
    return folding(idOf(account, id), (before) => {
      const hunt = hunts.evolve(before ?? hunts.initial(), event, message.at);
      return hunt.status === "none" ? undefined : { ...hunt, account };
    });
  },
};

const isHuntEvent = (event: HuntEvent | RunEvent): event is HuntEvent => event.type.startsWith("Hunt");

export const contactedView: View<ContactedDocument, HuntEvent | RunEvent> = {
  name: names.contacted,
  version: 1,
  changes: (event, message) => {
    const { account, id: run } = whose(message);
    const { at } = message;
    const of = (person: PersonId, change: (before: ContactedDocument) => ContactedDocument): Change<ContactedDocument> => ({
      id: idOf(account, person),
      fold: (before) => ({ ...change(before ?? { account, person, contacts: [], denials: {}, lastMs: 0 }), lastMs: Date.parse(at) }),
    });
    if (event.type === "DenialsRecorded") {
      return event.data.denials.map(({ person, hunt, rule }) =>
        of(person, (before) => ({ ...before, denials: { ...before.denials, [hunt]: { at, rule } } })),
      );
    }
    if (event.type !== "PageAllocated") return [];
    const { pass, rows } = event.data;
    return rows.map(({ person, hunt, contact, channel, purpose }) =>
      of(person, (before) => ({
        ...before,
        contacts: [...before.contacts.filter((each) => each.contact !== contact), { hunt, contact, at, channel, purpose, run, pass }],
      })),
    );
  },
};

export const peopleView: View<PersonDocument, PersonEvent> = {
  name: names.people,
  version: 1,
  changes: ({ type, data }, message) => {
    const { account, id } = whose(message);
    const person = id as PersonId; // the subject's id is the person's
    const change = (fold: (before: PersonDocument) => PersonDocument) =>
      folding<PersonDocument>(idOf(account, id), (before) => fold(before ?? { account, person, consents: [] }));
    switch (type) {
      case "OptedOut":
        return change((before) => ({ ...before, optedOut: { at: data.at, by: data.by } }));
      case "OptedIn":
        return change(({ optedOut: _, ...before }) => before);
      case "ConsentRecorded": {
        const { at, source, basis } = data;
        return change((before) => ({ ...before, consents: [...before.consents, { at, source, basis }].slice(-consentsKept) }));
      }
      case "ConsentWithdrawn":
        return change((before) => ({ ...before, consents: [] }));
      case "RefusalRecorded":
        return change((before) => ({ ...before, refusedAt: later(before.refusedAt, data.at) }));
      case "PersonErased":
        return change((before) => ({ ...before, erased: true, consents: [] }));
      default:
        return [];
    }
  },
};

const later = (one: string | undefined, other: string): string => (one === undefined || Date.parse(one) < Date.parse(other) ? other : one);

export const gatedView: View<GatedDocument, ContactEvent> = {
  name: names.gated,
  version: 1,
  changes: ({ type, data }, message) => {
    if (type !== "ContactGated") return [];
    const { account, id } = whose(message);
    const contact = id as ContactId; // the subject's id is the contact's
    return folding(idOf(account, id), () => ({ account, contact, at: message.at, atMs: Date.parse(message.at), rule: data.rule }));
  },
};

const dayMs = 86_400_000;
const quarterMs = 900_000;

/** Counts what was asked for by hand; what a pass asks for is counted by its run. Ended gated or not: as with a pass, the day's room is used. */
export const requestedView: View<RequestedDocument, ContactEvent> = {
  name: names.requested,
  version: 1,
  changes: ({ type, data }, message) => {
    if (type !== "ContactRequested" || data.run !== undefined) return [];
    const { account } = whose(message);
    const atMs = Date.parse(message.at);
    const day = Math.floor(atMs / dayMs) * dayMs;
    const quarter = String(Math.floor((atMs - day) / quarterMs));
    return folding(requestedIdOf(account, day), (before) => {
      if (before !== undefined && before.seq >= message.revision) return before;
      const counted = before?.quarters[quarter] ?? { all: 0, hunts: {} };
      const hunts = data.hunt === undefined ? counted.hunts : { ...counted.hunts, [data.hunt]: (counted.hunts[data.hunt] ?? 0) + 1 };
      return { account, dayMs: day, seq: message.revision, quarters: { ...before?.quarters, [quarter]: { all: counted.all + 1, hunts } } };
    });
  },
};

export const requestedIdOf = (account: string, dayMs: number): string => idOf(account, new Date(dayMs).toISOString().slice(0, 10));

/** What was asked for while `isWanted` answers yes to the beginning of a quarter of an hour, real or sandbox ms as the stream has it. */
export const requestedWhile = (documents: Iterable<RequestedDocument>, isWanted: (ms: number) => boolean): RequestedCount => {
  let all = 0;
  const hunts: Record<string, number> = {};
  for (const { dayMs: day, quarters } of documents) {
    for (const [quarter, counted] of Object.entries(quarters)) {
      if (!isWanted(day + Number(quarter) * quarterMs)) continue;
      all += counted.all;
      for (const [hunt, count] of Object.entries(counted.hunts)) hunts[hunt] = (hunts[hunt] ?? 0) + count;
    }
  }
  return { all, hunts };
};
