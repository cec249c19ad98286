import { expect, test } from "vitest";
import { type Call, countsIn } from "./figures.ts";

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
