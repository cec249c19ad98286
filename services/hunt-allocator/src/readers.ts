import { adCodec } from "@outrider/contracts/ads";
import { contactCodec } from "@outrider/contracts/contact";
import { huntsCodec } from "@outrider/contracts/hunts";
import { personCodec } from "@outrider/contracts/registry";
import { streams } from "@outrider/contracts/streams";
import {
  type AcquireLease,
  type Codec,
  type Follower,
  follow,
  type Kernel,
  type Projection,
  projection,
  type View,
} from "@outrider/eventing";
import { mongoDocuments, mongoPositions } from "@outrider/platform";
import type { Db } from "mongodb";
import { followed, names, readerBatch, readerCache, readerLingerMs } from "./config.ts";
import type { Readers } from "./looking.ts";
import { gatedOrByHand, only } from "./only.ts";
import { adsView, contactedView, gatedView, huntsView, peopleView, requestedView } from "./views.ts";

/** Starts the four readers that keep the look-ups: one part per stream, so that any interleaving of streams gives the same documents. */
export const openReaders = (kernel: Kernel, db: Db, acquire: AcquireLease): Readers => {
  const documentsOf = <Document extends object, Event>(view: View<Document, Event>, reader: string, blind = false): Projection<Event> => {
    const stored = mongoDocuments<Document>(db, view.name, reader);
    // A document that does not depend on its former self need not be read first.
    return blind
      ? projection(view, { ...stored, load: async () => new Map<string, Document>() }, { cache: 0 })
      : projection(view, stored, { cache: readerCache });
  };
  const reader = <Event>(
    name: string,
    stream: string,
    filter: string,
    codec: Codec<Event>,
    projections: readonly Projection<Event>[],
  ): Follower =>
    follow(
      kernel,
      {
        ...{ name, stream, filters: [filter], codec, acquire, batch: readerBatch, positions: mongoPositions(db, name) },
        lingerMs: readerLingerMs,
        restart: () => {
          for (const each of projections) each.forget();
        },
      },
      async (batch, lease) => {
        for (const each of projections) await each.apply(batch, lease);
      },
    );
  return {
    ads: reader(names.followAds, streams.ads.name, followed.ads, adCodec, [documentsOf(adsView, names.followAds, true)]),
    hunts: reader(names.followHunts, streams.hunts.name, followed.hunts, huntsCodec, [
      documentsOf(huntsView, names.followHunts),
      documentsOf(contactedView, names.followHunts),
    ]),
    people: reader(names.followPeople, streams.registry.name, followed.people, only(personCodec, ...saying), [
      documentsOf(peopleView, names.followPeople),
    ]),
    contacts: reader(names.followContacts, streams.sms.name, followed.contacts, gatedOrByHand(contactCodec), [
      documentsOf(gatedView, names.followContacts, true),
      documentsOf(requestedView, names.followContacts),
    ]),
  };
};

/** What people say or have taken back: the rest of their events does not change the preview. */
const saying = ["OptedOut", "OptedIn", "ConsentRecorded", "ConsentWithdrawn", "RefusalRecorded", "PersonErased"] as const;
