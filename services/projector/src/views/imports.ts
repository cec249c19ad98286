import type { AdEvent, ImportEvent } from "@outrider/contracts/ads";
import { unreachable } from "@outrider/eventing";
import { perAggregate } from "../view.ts";

const mostBadRows = 1000;
const none = { read: 0, new: 0, changed: 0, duplicate: 0, bad: 0 };

/** Imports with their counts and the first of their bad rows. */
export const imports = perAggregate<"imports", AdEvent | ImportEvent>(
  "imports",
  "ads.import",
  { version: 2, indexes: [{ account: 1, startedAt: -1 }] },
  (document, event, { at }) => {
    if (event.type === "ImportStarted") {
      const { import: id, source, format, fileName, bytes } = event.data;
      const named = fileName === undefined ? {} : { fileName };
      return { import: id, source, format, ...named, bytes, status: "running", counts: none, startedAt: at, badRows: [] };
    }
    if (document === undefined) return undefined;
    switch (event.type) {
      case "ImportProgressed": {
        const room = Math.max(0, mostBadRows - document.badRows.length);
        const bad = event.data.bad.slice(0, room).map(({ line, reason }) => ({ line, reason }));
        return { ...document, counts: event.data.counts, badRows: bad.length === 0 ? document.badRows : [...document.badRows, ...bad] };
      }
      case "ImportFinished":
        return { ...document, status: "finished", counts: event.data.counts, sources: event.data.sources, endedAt: at };
      case "ImportFailed":
        return { ...document, status: "failed", counts: event.data.counts, reason: event.data.reason, endedAt: at };
      case "AdListed":
      case "AdChanged":
      case "AdDepersonalised":
        return document;
      default:
        return unreachable(event);
    }
  },
);
