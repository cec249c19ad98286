import { expect, test } from "vitest";
import { currentTrace, newTraceparent, parseTraceparent, passingTracer } from "./trace.ts";

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

test("hands the caller's trace on, sampled or not", async () => {
  await passingTracer.span({ name: "work", kind: "internal", parent }, async (traceparent) => {
    expect(traceparent).toBe(parent);
    expect(currentTrace.getStore()).toBe(parent);
  });
});

test("begins a valid trace where there is none", async () => {
  for (const broken of [undefined, "", "nonsense", "00-00000000000000000000000000000000-b7ad6b7169203331-01"]) {
    await passingTracer.span({ name: "work", kind: "internal", parent: broken }, async (traceparent) => {
      expect(parseTraceparent(traceparent)).toMatchObject({ sampled: true });
    });
  }
  expect(new Set(Array.from({ length: 2_000 }, newTraceparent)).size).toBe(2_000);
});

test("takes nothing for a traceparent that is none", () => {
  expect(parseTraceparent(parent)).toEqual({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: false });
  for (const broken of [`ff${parent.slice(2)}`, parent.toUpperCase(), `${parent}-x`, parent.slice(1)]) {
    expect(parseTraceparent(broken)).toBeUndefined();
  }
});
