import type { ImportEvent } from "@outrider/contracts/ads";
import { importId } from "@outrider/contracts/ids";
import { scenario } from "@outrider/eventing/testing";
import { expect, test } from "vitest";
import { type ImportCommand, importRule, noCounts } from "./import.ts";

const order = {
  import: importId.parse("i"),
  source: "file",
  format: "csv" as const,
  bytes: 10,
  fileName: { k: "key", v: "sealed" },
  defaultCountry: "FR",
  fictionNumbers: false,
};
const started: ImportEvent = { type: "ImportStarted", data: order };
const counts = { ...noCounts, read: 5000, new: 5000 };
const step: ImportCommand = { kind: "progress", from: 0, counts, nextRow: 5000, nextLine: 5002, bad: [] };
const progressed: ImportEvent = { type: "ImportProgressed", data: { counts, nextRow: 5000, nextLine: 5002, bad: [] } };
const finish: ImportCommand = { kind: "finish", import: order.import, from: 5000, counts, sources: ["file"] };
const finished: ImportEvent = { type: "ImportFinished", data: { counts, sources: ["file"] } };
const { given } = scenario(importRule);

test("starts once, however often it is asked", () => {
  given()
    .when({ kind: "start", ...order })
    .then(started);
  given(started)
    .when({ kind: "start", ...order })
    .thenNothing();
});

test("steps follow each other without a gap", () => {
  given(started).when(step).then(progressed);
  given(started, progressed).when(finish).then(finished);
});

test("a replica that was overtaken writes nothing", () => {
  given(started, progressed).when(step).thenRefused("overtaken");
  given(started).when(finish).thenRefused("overtaken");
});

test("an import that has ended stays as it ended", () => {
  given(started, progressed, finished).when(step).thenNothing();
  given(started, progressed, finished).when({ kind: "fail", reason: "late" }).thenNothing();
});

test("a failure keeps the counts of what had been imported", () => {
  given(started, progressed)
    .when({ kind: "fail", reason: "The upload is not there." })
    .then({ type: "ImportFailed", data: { reason: "The upload is not there.", counts } });
});

test("nothing is read for an import that nobody started", () => given().when(step).thenRefused("unknown-import"));

test("a resumed import goes on where the last step ended", () => {
  const { state } = given(started, progressed).when(finish);
  expect(state).toMatchObject({ status: "running", nextRow: 5000, counts });
});
