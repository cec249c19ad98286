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

test("a list of what may be several things tells which of them is a list", () => {
  expect(shapeText(z.object({ codes: z.array(z.string().nullable()) }))).toBe("{codes: (string | null)[]}");
  const choice = z.union([z.object({ kind: z.literal("a") }), z.object({ kind: z.literal("b") })]);
  expect(shapeText(z.array(choice))).toBe('({kind: "a"} | {kind: "b"})[]');
  expect(shapeText(z.array(z.object({ kind: z.enum(["a", "b"]) })))).toBe('{kind: "a" | "b"}[]');
});

test("what does not fit on a line has one for each field and each choice", () => {
  const long = (kind: string) => z.object({ kind: z.literal(kind), field: z.literal("x".repeat(100)) });
  const field = `field: "${"x".repeat(100)}"`;
  expect(shapeText(z.object({ all: z.array(long("a")), some: z.array(z.union([long("a"), long("b")])) }))).toBe(
    [
      ...["{", `  all: {kind: "a", ${field}}[],`, "  some: ("],
      ...[`    | {kind: "a", ${field}}`, `    | {kind: "b", ${field}}`, "  )[],", "}"],
    ].join("\n"),
  );
});
