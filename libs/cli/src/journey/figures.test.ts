import { v1 } from "@outrider/contracts/api";
import { expect, test } from "vitest";
import type { Api } from "../api.ts";
import { type Call, countsIn, type Figures, figuresOf, since } from "./figures.ts";
import { problemsOf } from "./summary.ts";

const noon = Date.parse("2026-11-24T11:00:00.000Z");
const sent = (row: number, to: string, more: Partial<Call> = {}): Call => ({
  ...{ row, to, operation: "sendsms", accepted: true, answered: true, at: new Date(noon + row * 60_000).toISOString() },
  ...more,
});
async function* log(...rows: readonly Call[]): AsyncGenerator<Call> {
  yield* rows;
}
const always = { row: 0, stillCounts: () => true };

test("counts what was accepted and answered, and who was reached twice", async () => {
  const rows = [sent(0, "ann"), sent(1, "bob", { answered: false }), sent(2, "cid", { accepted: false }), sent(3, "cid"), sent(4, "ann")];
  expect(await countsIn(log(...rows, sent(5, "ann", { operation: "getsms" })), always)).toEqual({ accepted: 3, twice: 1 });
});

test("who was reached by an earlier pass and is written to again counts as twice; the earlier pass itself does not", async () => {
  const rows = [sent(0, "ann"), sent(1, "ann"), sent(2, "bob")];
  expect(await countsIn(log(...rows, sent(3, "cid")), { ...always, row: 3 })).toEqual({ accepted: 1, twice: 0 });
  expect(await countsIn(log(...rows, sent(3, "bob")), { ...always, row: 3 })).toEqual({ accepted: 1, twice: 1 });
});

test("who was reached so long ago that another hunt may write to them does not", async () => {
  const since = { row: 2, stillCounts: (atMs: number) => atMs > noon };
  expect(await countsIn(log(sent(0, "ann"), sent(1, "bob"), sent(2, "ann"), sent(3, "bob")), since)).toEqual({ accepted: 2, twice: 1 });
});

const answering = (answers: ReadonlyMap<unknown, unknown>): Api => ({
  ...{ url: "http://127.0.0.1", account: undefined },
  ask: async (route, ..._asked) => answers.get(route),
  upload: async () => undefined,
});

test("credits are net: what expired is not there to be spent, and what was refunded is not spent", async () => {
  const credits = { granted: 100, expired: 10, captured: 30, refunded: 4, released: 7, held: 3, available: 61 };
  const api = answering(new Map([[v1.credits.show, credits]]));
  const admin = answering(new Map([[v1.dead.list, { total: 2 }]]));
  const figures = await figuresOf(api, admin, undefined);
  expect(figures.credits).toEqual({ granted: 90, captured: 26, released: 7, held: 3, balance: 61 });
  expect(figures.deadLetters).toBe(2);
});

test("of an account that had done things before, what one pass has done adds up for itself", () => {
  const nobody = { accepted: 0, rejected: 0, unknown: 0, gated: 0, sent: 0, failed: 0, replied: 0, optedOut: 0 };
  const before: Figures = {
    run: { found: 10, skipped: { "no-credits": 4 }, allocated: 6 },
    sms: { ...nobody, accepted: 5, unknown: 1, failed: 1 },
    credits: { granted: 100, captured: 8, released: 3, held: 2, balance: 90 },
    deadLetters: 1,
  };
  const after: Figures = {
    run: { found: 17, skipped: { "no-credits": 4, "contacted-recently": 3 }, allocated: 10 },
    sms: { ...nobody, accepted: 7, rejected: 1, unknown: 2, failed: 1 },
    credits: { granted: 100, captured: 12, released: 5, held: 4, balance: 84 },
    deadLetters: 1,
  };
  const pass = since(before, after);
  expect(pass).toEqual({
    run: { found: 7, skipped: { "contacted-recently": 3 }, allocated: 4 },
    sms: { ...nobody, accepted: 2, rejected: 1, unknown: 1 },
    credits: { granted: 90, captured: 4, released: 2, held: 2, balance: 84 },
    deadLetters: 0,
  });
  const { run, sms, credits, deadLetters } = pass;
  const ads = { read: 0, new: 0, changed: 0, duplicate: 0, bad: 0 };
  const summary = { ads, run, sms: { ...sms, delivered: null }, credits, deadLetters, seconds: { setUp: 0, start: 0, import: 0, run: 0 } };
  expect(problemsOf(summary, { accepted: 2, twice: 0 }, 2)).toEqual([]);
});
