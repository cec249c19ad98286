import { rules } from "@outrider/contact-policy";
import { type Allocation, type HuntTally, type RunEvent, runCodec } from "@outrider/contracts/hunts";
import { adId, contactId, huntId, lineId, personId, runId } from "@outrider/contracts/ids";
import { scenario } from "@outrider/eventing/testing";
import { expect, test } from "vitest";
import { mostActiveHunts } from "./config.ts";
import { mostPasses, openPass, reservationNumberOf, runs } from "./run.ts";
import { tallyError } from "./tally-error.ts";

const run = runId.parse("2026-11-20");
const hunt = huntId.parse("clios");
const other = huntId.parse("golfs");
const { given } = scenario(runs);
const opened = (pass: number): RunEvent => ({
  type: "PassOpened",
  data: { run, pass, reservationNumber: 20261120000 + pass, by: "hand", hunts: [hunt, other] },
});
const reserved = (held: number, pass = 1): RunEvent => ({
  type: "PassReserved",
  data: { pass, reservation: `pass-2026112000${pass}`, wanted: 10, held },
});
const row = (person: string, more: Partial<Allocation> = {}): Allocation => ({
  ...{ contact: contactId.parse(`c-${person}`), person: personId.parse(person), ad: adId.parse(`ad-${person}`), hunt, step: 1 },
  ...{ channel: "sms", line: lineId.parse("phone-1"), credits: 2, text: { k: "k", v: "v" }, purpose: "prospecting" },
  ...{ legalBasis: "offer-to-buy", noCanvassing: false, ownerType: "private", ...more },
});
const page = (number: number, ...rows: Allocation[]): RunEvent => ({
  type: "PageAllocated",
  data: { pass: 1, page: number, reservation: "pass-20261120001", rows },
});
const tally = (of: HuntTally["hunt"], allocated: number, skipped: Record<string, number>): HuntTally => ({
  ...{ hunt: of, allocated, skipped },
  found: allocated + Object.values(skipped).reduce((sum, count) => sum + count, 0),
});
const open = { type: "OpenPass", run, by: "hand", hunts: [hunt, other] } as const;
const closed = (rest: number, pass = 1): RunEvent => ({
  type: "PassClosed",
  data: { pass, reservation: "pass-20261120001", rest, found: 0, allocated: 0, skipped: {}, hunts: [] },
});

test("opens the day's first pass, and the next one after it, numbered over all days", () => {
  given().when(open).then(opened(1));
  given(opened(1), reserved(0), closed(0)).when(open).then(opened(2));
  expect(reservationNumberOf(run, 7)).toBe(20261120007);
});

test("a day has a bounded number of passes, so that the numbers of its reservations stay its own", () => {
  const day = (passes: number): RunEvent[] =>
    Array.from({ length: passes }, (_, index) => [opened(index + 1), closed(0, index + 1)]).flat();
  given(...day(mostPasses - 1))
    .when(open)
    .then(opened(mostPasses));
  given(...day(mostPasses))
    .when(open)
    .thenRefused("too-many-passes");
  expect(reservationNumberOf(run, mostPasses)).toBeLessThan(reservationNumberOf(runId.parse("2026-11-21"), 1));
});

test("one pass at a time: a start while one is open adds nothing", () => {
  given(opened(1)).when(open).thenNothing();
  expect(openPass(given(opened(1)).when(open).state)?.pass).toBe(1);
});

test("a reservation is recorded once", () => {
  const reserve = { type: "RecordReservation", pass: 1, reservation: "pass-20261120001", wanted: 10, held: 6 } as const;
  given(opened(1)).when(reserve).then(reserved(6));
  given(opened(1), reserved(6))
    .when({ ...reserve, held: 10 })
    .thenNothing();
});

test("pages come in turn: who counts on another one has planned from an old state", () => {
  const allocate = { type: "AllocatePage", pass: 1, page: 1, rows: [row("p1")] } as const;
  given(opened(1)).when(allocate).thenRefused("not-reserved");
  given(opened(1), reserved(6))
    .when(allocate)
    .then(page(1, row("p1")));
  given(opened(1), reserved(6), page(1, row("p1")))
    .when(allocate)
    .thenRefused("page-out-of-turn");
  given(opened(1), reserved(6))
    .when({ ...allocate, page: 2 })
    .thenRefused("page-out-of-turn");
});

test("rows never cost more than was held", () => {
  const allocate = { type: "AllocatePage", pass: 1, page: 2, rows: [row("p3"), row("p4")] } as const;
  given(opened(1), reserved(5), page(1, row("p1")))
    .when(allocate)
    .thenRefused("beyond-reservation");
});

test("a pass closes with the rest of its reservation and the sums of its hunts", () => {
  const hunts = [tally(hunt, 2, { "already-contacted": 1 }), tally(other, 0, { "already-contacted": 2, "no-number": 3 })];
  given(opened(1), reserved(6), page(1, row("p1"), row("p2")))
    .when({ type: "ClosePass", pass: 1, pages: 1, hunts })
    .then({
      type: "PassClosed",
      data: {
        ...{ pass: 1, reservation: "pass-20261120001", rest: 2, found: 8, allocated: 2 },
        ...{ skipped: { "already-contacted": 3, "no-number": 3 }, hunts },
      },
    });
});

test("a pass that does not add up does not close", () => {
  const past = [opened(1), reserved(6), page(1, row("p1"))];
  const close = { type: "ClosePass", pass: 1, pages: 1 } as const;
  given(...past)
    .when({ ...close, hunts: [{ ...tally(hunt, 1, {}), found: 2 }] })
    .thenRefused("does-not-add-up");
  given(...past)
    .when({ ...close, hunts: [tally(hunt, 2, {})] })
    .thenRefused("does-not-add-up");
  given(...past)
    .when({ ...close, hunts: [tally(other, 0, {})] })
    .thenRefused("does-not-add-up");
  given(...past)
    .when({ ...close, pages: 0, hunts: [tally(hunt, 1, {})] })
    .thenRefused("page-out-of-turn");
});

test("a closed pass takes nothing more, and closing it twice adds nothing", () => {
  given(opened(1), reserved(0), closed(0)).when({ type: "AllocatePage", pass: 1, page: 1, rows: [] }).thenRefused("pass-closed");
  given(opened(1), reserved(0), closed(0)).when({ type: "ClosePass", pass: 1, pages: 0, hunts: [] }).thenNothing();
  given().when({ type: "ClosePass", pass: 1, pages: 0, hunts: [] }).thenRefused("no-such-pass");
});

test("denials come in turn as well", () => {
  const denials = [{ person: personId.parse("p1"), hunt, rule: "opted-out" }];
  const record = { type: "RecordDenials", pass: 1, page: 1, denials } as const;
  const recorded: RunEvent = { type: "DenialsRecorded", data: { pass: 1, denials } };
  given(opened(1)).when(record).then(recorded);
  given(opened(1), recorded).when(record).thenRefused("page-out-of-turn");
});

test("the day's counts go over all passes: by hunt, by line and in all", () => {
  const past = [opened(1), reserved(9), page(1, row("p1"), row("p2", { hunt: other })), closed(5), opened(2)];
  const { state } = given(...past).when(open);
  expect(state.allocatedToday).toBe(2);
  expect(Object.fromEntries(state.byHunt)).toEqual({ clios: 1, golfs: 1 });
  expect(Object.fromEntries(state.byLine)).toEqual({ "phone-1": 2 });
});

// What this service skips by, besides the gate's rules.
const ownRules = [
  ...[
    "already-contacted",
    "no-number",
    "no-channel",
    "hunt-daily-limit",
    "account-daily-limit",
    "line-daily-limit",
    "line-paused",
    "no-credits",
  ],
  ...["reservation-too-old", "pass-limit", "paused", "archived", "draft", "hunt-error", "empty-text", "erased", "contacted-recently"],
];

test.each([["x"], ["é"], ['"'], ["🚗"]])(
  "the close of a pass over as many hunts as may be active, each with every rule and the longest error, of %s, is a message of under 256 KB",
  (letter) => {
    const skipped = Object.fromEntries([...rules.map(({ rule }) => rule), ...ownRules].map((rule) => [rule, 123_456]));
    const all = Array.from({ length: mostActiveHunts }, (_, index) => huntId.parse(`${index}`.padStart(64, "h")));
    const error = tallyError(letter.repeat(1000));
    const pass = { run, pass: 1, reservationNumber: 20261120001, by: "hand", hunts: all } as const;
    const hunts = all.map((each) => ({ ...tally(each, 0, skipped), error }));
    const { decision } = given({ type: "PassOpened", data: pass }).when({ type: "ClosePass", pass: 1, pages: 0, hunts });
    const events = decision.accepted ? decision.events : [];
    expect(events).toHaveLength(1);
    expect(runCodec.encode("2026-11-20T10:00:00.000Z", events).byteLength).toBeLessThan(256_000);
  },
);
