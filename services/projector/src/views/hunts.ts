import type { HuntEvent, RunEvent } from "@outrider/contracts/hunts";
import { perAggregate, without } from "../view.ts";

/** Hunts as they are defined now, and whether they run. */
export const hunts = perAggregate<"hunts", HuntEvent | RunEvent>(
  "hunts",
  "hunts.hunt",
  { version: 1, indexes: [{ account: 1, status: 1 }] },
  (document, event, { at }) => {
    if (event.type === "HuntCreated") {
      const { hunt, definition } = event.data;
      return { hunt, definition, status: "draft", createdAt: at, changedAt: at };
    }
    if (document === undefined) return undefined;
    switch (event.type) {
      case "HuntChanged":
        return { ...document, definition: event.data.definition, changedAt: at };
      case "HuntActivated":
      case "HuntResumed":
        return { ...without(document, "pausedBy"), status: "active", changedAt: at };
      case "HuntPaused":
        return { ...document, status: "paused", pausedBy: event.data.by, changedAt: at };
      case "HuntArchived":
        return { ...document, status: "archived", changedAt: at };
      case "HuntScanned":
        return { ...document, lastScanAt: event.data.at };
      default:
        return document; // events of runs, which have their own view
    }
  },
);
