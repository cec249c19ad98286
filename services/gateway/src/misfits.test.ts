import { expect, test } from "vitest";
import { z } from "zod";
import { inWords } from "./misfits.ts";

test.each([
  [z.enum(["sent", "gated"]), "foo", "choose one of sent, gated"],
  [z.string(), undefined, "is missing"],
  [z.string(), 7, "must be a string"],
  [z.object({}), "x", "must be an object"],
  [z.string().min(1), "", "must not be empty"],
  [z.string().min(3), "12", "give at least 3 characters"],
  [z.string().max(2), "123", "give at most 2 characters"],
  [z.array(z.int()).max(1), [1, 2], "give at most 1 items"],
  [z.coerce.number().max(500), "9999", "must be at most 500"],
  [z.number().positive(), 0, "must be more than 0"],
  [z.strictObject({}), { colour: 1 }, "unknown: colour"],
])("a misfit is told in plain words: %#", (schema, value, said) => {
  const told = schema.safeParse(value).error?.issues[0]?.message ?? "";
  expect(inWords(told)).toBe(said);
});
