import { expect, test } from "vitest";
import { z } from "zod";
import { personal } from "./define.ts";
import { shapeText } from "./testing-shapes.ts";

test("a shape is read as it would be written: optional, choice, list, key, sealed", () => {
  const schema = z.object({
    id: z.string(),
    at: z.iso.datetime().optional(),
    how: z.array(z.enum(["a", "b"])),
    counts: z.record(z.string(), z.int()),
    text: personal("text").nullable(),
    pair: z.tuple([z.string(), z.int()]),
  });
  expect(shapeText(schema)).toBe(
    '{id: string, at?: time, how: ("a" | "b")[], counts: {[key]: integer}, text: sealed text | null, pair: [string, integer]}',
  );
  expect(shapeText(z.object({ one: schema, other: schema }))).toMatch(
    /^\{\n {2}one: \{id: string, .*\},\n {2}other: \{id: string, .*\},\n\}$/,
  );
});
