import { describe, expect, test } from "vitest";
import { type DescribedNumber, describeNumber } from "./index.ts";

const read = (raw: string, defaultCountry?: string, postalCode?: string): DescribedNumber =>
  describeNumber(raw, { defaultCountry, fiction: false, postalCode });
const facts = (described: DescribedNumber) => {
  if (described.kind !== "number") throw new Error(described.reason);
  return described.facts;
};

test.each([
  ["06 12 34 56 78", "+33612345678", "mobile"],
  ["06.12.34.56.78", "+33612345678", "mobile"],
  ["0033 6 12 34 56 78", "+33612345678", "mobile"],
  ["+33 (0)7 56 78 12 34", "+33756781234", "mobile"],
  ["tel: 06 12 34 56 78", "+33612345678", "mobile"],
  ["Tél. : 06 12 34 56 78", "+33612345678", "mobile"],
  ["tel:+33-6-12-34-56-78", "+33612345678", "mobile"],
  ["'0612345678", "+33612345678", "mobile"],
  ["'+33612345678", "+33612345678", "mobile"],
  ["01 88 12 34 56", "+33188123456", "landline"],
  ["09 12 34 56 78", "+33912345678", "voip"],
])("French people's %s is %s, %s", (raw, e164, lineType) => {
  expect(read(raw, "FR")).toMatchObject({ kind: "number", e164, facts: { country: "FR", lineType, fiction: false } });
});

test.each([
  "",
  "hello",
  "06 12 34",
  "+33 6 12 34 56 78 99",
  "06 12 34 56 78 ou 06 12 34 56 79",
  "tel: hello",
  "'",
  "fax: 06 12 34 56 78",
  "+800 1234 5678",
  "\u0000",
])("%j is no number", (raw) => expect(read(raw, "FR")).toMatchObject({ kind: "invalid", rule: "invalid-number" }));

test("the reason never repeats the number", () => {
  const described = read("06 12 34 99999", "FR");
  expect(described.kind === "invalid" && described.reason).not.toMatch(/\d/);
});

test("without a default country only international numbers are read", () => {
  expect(read("0612345678")).toMatchObject({ kind: "invalid" });
  expect(read("+33612345678")).toMatchObject({ kind: "number" });
  expect(read("+33612345678", "nowhere")).toMatchObject({ kind: "number" });
});

describe("the number's country rules, a postal code only narrows inside it", () => {
  test("a ZIP code never turns a French number American", () => {
    const described = facts(read("+33612345678", "US", "73301"));
    expect(described).toMatchObject({ country: "FR", zones: ["Europe/Paris"] });
    expect(described.area).toBeUndefined();
  });
  test("a ZIP code narrows an American number to its state's zones", () => {
    expect(facts(read("+12024561111", "US", "90012-1234"))).toMatchObject({ zones: ["America/Los_Angeles"], area: "US-CA" });
    expect(facts(read("+12024561111", "US", "99999x")).zones).toHaveLength(8);
  });
  test("blanks around a postal code say nothing", () => {
    expect(facts(read("0612345678", "FR", " 67000 "))).toMatchObject({ zones: ["Europe/Paris"], area: "FR-67" });
  });
  test("a mainland mobile beside an island's postal code may be in either zone", () => {
    expect(facts(read("0612345678", "FR", "97400"))).toMatchObject({ zones: ["Europe/Paris", "Indian/Reunion"], area: "FR-974" });
  });
  test("a country without a pack has no zones", () => {
    expect(facts(read("+4915123456789"))).toMatchObject({ country: "DE", zones: [] });
    expect(facts(read("+17875551234"))).toMatchObject({ country: "PR", zones: [] });
  });
});

test("overseas mobiles are understood as French people write them", () => {
  expect(read("0690 12 34 56", "FR")).toMatchObject({ e164: "+590690123456", facts: { country: "GP", zones: ["America/Guadeloupe"] } });
  expect(read("0692 12 34 56", "FR")).toMatchObject({ e164: "+262692123456", facts: { country: "RE" } });
});

test("a number reserved for fiction is never taken for the same digits on Mayotte", () => {
  expect(read("0639 98 00 00", "FR")).toMatchObject({ kind: "invalid", rule: "fiction-number-in-live-mode" });
});
