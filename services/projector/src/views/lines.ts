import type { SmsEvent } from "@outrider/contracts/sms";
import { perAggregate, without } from "../view.ts";

/** The lines that send, and what they have given away of their day. */
export const lines = perAggregate<"lines", SmsEvent>("lines", "sms.line", { version: 1 }, (document, event) => {
  if (event.type === "LineOpened") {
    return { ...event.data, status: "open", turnsOfDay: 0, turns: 0, turnsRefused: 0 };
  }
  if (document === undefined) return undefined;
  switch (event.type) {
    case "LineLimitsChanged":
      return { ...document, limits: event.data.limits };
    case "TurnsGiven": {
      const { day, turns } = event.data;
      const before = document.day === day ? document.turnsOfDay : 0;
      return { ...document, day, turnsOfDay: before + turns.length, turns: document.turns + turns.length };
    }
    case "TurnsRefused":
      return { ...document, turnsRefused: document.turnsRefused + event.data.turns.length };
    case "LinePaused":
      return { ...document, status: "paused", pausedBy: event.data.by, reason: event.data.reason };
    case "LineResumed":
      return { ...without(document, "pausedBy", "reason"), status: "open" };
    default:
      return document; // ended turns change nothing here; other aggregates have their own views
  }
});
