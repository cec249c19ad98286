import type { ContactEvent } from "@outrider/contracts/contact";
import { runId } from "@outrider/contracts/ids";
import { describe, expect, test } from "vitest";
import type { Outcome } from "./balance.ts";
import { contactOutcomes, parts, runOutcomes } from "./outcomes.ts";

const paid = { reservation: "pass-1", credits: 1 };
const accepted: ContactEvent = { type: "ContactAccepted", data: { attempt: 1, providerId: "p-1", by: "answer", ...paid } };
const endings: readonly (readonly [ContactEvent, Outcome["kind"]])[] = [
  [accepted, "captured"],
  [{ type: "ContactRejected", data: { attempt: 1, reason: "no such number", by: "answer", ...paid } }, "released"],
  [{ type: "ContactGated", data: { rule: "opted-out", ...paid } }, "released"],
  [{ type: "RequestRedundant", data: { run: runId.parse("2026-11-20"), pass: 1, ...paid } }, "released"],
  [{ type: "ContactFailed", data: { at: "2026-11-20T10:00:00.000Z", reason: "network", ...paid } }, "refunded"],
];

describe("what an event of a contact does to held credits", () => {
  test.each(endings)("$0.type", (event, kind) => {
    expect(contactOutcomes("c1", 7, [event])).toEqual([{ seq: 7, contact: "c1", ...paid, kind, because: event.type }]);
  });

  test("an unknown attempt and a resend leave the hold where it is", () => {
    const waiting: readonly ContactEvent[] = [
      { type: "AttemptUnknown", data: { attempt: 1, cause: "timeout" } },
      { type: "ResendAsked", data: { by: "ops", ...paid } },
    ];
    expect(contactOutcomes("c1", 7, waiting)).toEqual([]);
  });

  test("what costs nothing settles nothing", () => {
    expect(contactOutcomes("c1", 7, [{ type: "ContactGated", data: { rule: "paused", reservation: "pass-1", credits: 0 } }])).toEqual([]);
  });
});

test("a closed pass gives back what no row has taken", () => {
  const closed = { pass: 1, rest: 3, found: 2, allocated: 0, skipped: {}, hunts: [] };
  expect(runOutcomes("r", 9, [{ type: "PassClosed", data: { ...closed, reservation: "pass-1" } }])).toEqual([
    { seq: 9, reservation: "pass-1", credits: 3, kind: "released", because: "PassClosed" },
  ]);
  expect(runOutcomes("r", 9, [{ type: "PassClosed", data: closed }])).toEqual([]);
});

test("parts are as large as allowed and never cut a message in two", () => {
  const of = (seq: number, count: number): Outcome[] =>
    Array.from({ length: count }, () => ({ seq, ...paid, kind: "captured", because: "ContactAccepted" }));
  const cut = parts([of(1, 1), of(2, 2), of(3, 2), [], of(4, 1)], 3);
  expect(cut.map((part) => part.map(({ seq }) => seq))).toEqual([
    [1, 2, 2],
    [3, 3, 4],
  ]);
  expect(parts([of(1, 2), of(2, 2)], 3)).toEqual([of(1, 2), of(2, 2)]);
});
