import { numberFacts, rule, type NumberFacts as StoredFacts } from "@outrider/contracts/fields";
import type { PermitRequest } from "@outrider/contracts/registry";
import { expect, test } from "vitest";
import { type ContactRequest, describeNumber, type NumberFacts, rules } from "./index.ts";

test("what a number tells is stored as it is, and understood when read back", () => {
  const described = describeNumber("06 39 98 12 34", { defaultCountry: "FR", fiction: true });
  if (described.kind !== "number") throw new Error(described.reason);
  const stored: StoredFacts = described.facts;
  const read: NumberFacts = numberFacts.parse(JSON.parse(JSON.stringify(stored)));
  expect(read).toEqual(described.facts);
});

test("every rule fits the field in which denials are stored", () => {
  for (const description of rules) expect(rule.parse(description.rule)).toBe(description.rule);
});

test("a permit's request is a question that the gate understands", () => {
  const asked = (request: PermitRequest): ContactRequest => request;
  expect(asked).toBeTypeOf("function");
});
