import type { Ad, AdEvent, ImportEvent } from "@outrider/contracts/ads";
import { unreachable } from "@outrider/eventing";
import { type Body, perAggregate, without } from "../view.ts";

type AdBody = Body<"ads">;

const seen = (ad: Ad, document: AdBody | undefined, at: string): AdBody => ({
  ...without(ad, "digest"),
  firstSeenAt: document?.firstSeenAt ?? at,
  lastSeenAt: at,
  changes: document?.changes ?? 0,
});

/** Ads as they were last seen. Personal fields stay sealed. */
export const ads = perAggregate<"ads", AdEvent | ImportEvent>(
  "ads",
  "ads.ad",
  { version: 1, settled: true, indexes: [{ account: 1, person: 1 }] },
  (document, event) => {
    switch (event.type) {
      case "AdListed": {
        const { ad, seenAt } = event.data;
        return { ...seen(ad, document, seenAt), ...(event.data.import === undefined ? {} : { import: event.data.import }) };
      }
      case "AdChanged": {
        const { ad, seenAt, previousPrice } = event.data;
        const known = event.data.import ?? document?.import;
        return {
          ...seen(ad, document, seenAt),
          changes: (document?.changes ?? 0) + 1,
          ...(known === undefined ? {} : { import: known }),
          ...(previousPrice === undefined ? {} : { previousPrice }),
        };
      }
      case "AdDepersonalised": {
        const kept = document === undefined ? {} : { import: document.import, previousPrice: document.previousPrice };
        const present = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
        const at = document?.lastSeenAt ?? event.data.ad.publishedAt;
        return { ...seen(event.data.ad, document, at), ...present };
      }
      case "ImportStarted":
      case "ImportProgressed":
      case "ImportFinished":
      case "ImportFailed":
        return document;
      default:
        return unreachable(event);
    }
  },
);
