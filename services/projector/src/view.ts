import type { DocumentOf, ViewName } from "@outrider/contracts/documents";
import { parseSubject } from "@outrider/contracts/streams";
import type { Change, Followed, View } from "@outrider/eventing";

/** What every document has besides what its view makes. */
export interface Stamp {
  readonly account: string;
  readonly _seq: number;
}

/** Where an event stands: which aggregate, when, and the message it came in. */
export interface Place {
  readonly account: string;
  readonly id: string;
  readonly at: string;
  readonly message: Followed<unknown>;
}

/** A document without its stamp. */
export type Body<Name extends ViewName> = Omit<DocumentOf<Name>, "account" | "_seq">;
type Stamped<Name extends ViewName> = Body<Name> & Stamp;

/** A view as the projector runs it: the kernel's, and which fields people look it up by. */
export interface ProjectedView<Event> extends View<Stamp, Event> {
  readonly name: ViewName;
  readonly indexes: readonly Readonly<Record<string, 1 | -1>>[];
  /** Its documents are made in great numbers and seldom touched again: few of them are kept in memory. */
  readonly settled: boolean;
}

/** How many documents of a view are kept, of so many as there may be of a busy one. */
export const keptOf = ({ settled }: Pick<ProjectedView<never>, "settled">, most: number): number => (settled ? Math.ceil(most / 10) : most);

interface Shared {
  /** A change of the fold is a new version, and the view is built anew. */
  readonly version: number;
  readonly settled?: boolean;
  readonly indexes?: readonly Readonly<Record<string, 1 | -1>>[];
}

/** One document per aggregate of one kind (`sms.contact`), with the aggregate's id. */
export const perAggregate = <Name extends ViewName, Event>(
  name: Name,
  kind: string,
  { version, settled = false, indexes = [] }: Shared,
  fold: (document: Body<Name> | undefined, event: Event, place: Place) => Body<Name> | undefined,
): ProjectedView<Event> => ({
  name,
  version,
  settled,
  indexes,
  changes: (event, message) => {
    // The events of one message change a document together: its `_seq` then says that all of them are in.
    if (event !== message.events[0] || !message.subject.startsWith(`${kind}.`)) return [];
    const place = placeOf(message);
    if (place === undefined) return [];
    const { account, id } = place;
    const change: Change<Stamp> = {
      id: `${account}.${id}`,
      fold: (document) => {
        if (document !== undefined && document._seq >= message.revision) return document; // read again after a restart
        // What is stored under this view's name was made by this fold.
        let body = document as Stamped<Name> | undefined as Body<Name> | undefined;
        for (const each of message.events) body = fold(body, each, place);
        // Nothing that people look at: not written, and read again without harm.
        if (document !== undefined && body === (document as Stamped<Name> | undefined as Body<Name> | undefined)) return document;
        return body === undefined ? undefined : { ...body, account, _seq: message.revision };
      },
    };
    return [change];
  },
});

/** One document per event, never changed again. `make` answers undefined for events that are none of its business. */
export const perEvent = <Name extends ViewName, Event>(
  name: Name,
  kind: string,
  { version, settled = true, indexes = [] }: Shared,
  make: (event: Event, place: Place) => Body<Name> | undefined,
): ProjectedView<Event> => ({
  name,
  version,
  settled,
  indexes,
  changes: (event, message) => {
    if (!message.subject.startsWith(`${kind}.`)) return [];
    const place = placeOf(message);
    const body = place === undefined ? undefined : make(event, place);
    if (place === undefined || body === undefined) return [];
    const stamped = { ...body, account: place.account, _seq: message.revision };
    return [{ id: `${place.account}.${message.revision}.${message.events.indexOf(event)}`, fold: () => stamped }];
  },
});

const placeOf = (message: Followed<unknown>): Place | undefined => {
  const found = parseSubject(message.subject);
  return found === undefined ? undefined : { account: found.account, id: found.id, at: message.at, message };
};

/**
 * The document without some of its fields: what was true is not true any more. Most have none of them and are given back as they are; `delete`
 * would make a slow object of the others.
 */
export const without = <Document extends object, Key extends keyof Document>(
  document: Document,
  ...keys: readonly Key[]
): Omit<Document, Key> => {
  if (!keys.some((key) => key in document)) return document;
  const gone = new Set<PropertyKey>(keys);
  return Object.fromEntries(Object.entries(document).filter(([key]) => !gone.has(key))) as Omit<Document, Key>;
};
