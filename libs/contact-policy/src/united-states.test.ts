import { describe, expect, test } from "vitest";
import { type AccountPolicy, type ContactRequest, describeNumber, gate, nextAllowed, offerToBuyNotice, type PersonFacts } from "./index.ts";
import { stateOfZip, stateZones } from "./packs/us-places.ts";

const person = (postalCode?: string, more: Partial<PersonFacts> = {}): PersonFacts => {
  const described = describeNumber("+1 202 555 0123", { defaultCountry: "US", fiction: true, postalCode });
  if (described.kind !== "number") throw new Error(described.reason);
  return { number: described.facts, consents: [{ at: "2026-01-01T00:00:00Z", source: "web form", purpose: "prospecting" }], ...more };
};
const sms: ContactRequest = { channel: "sms", purpose: "prospecting", legalBasis: "consent", hunt: "h1", contact: "c1" };
const policy: AccountPolicy = { sandbox: true };
const at = (now: string, who: PersonFacts, request: ContactRequest = sms, account: AccountPolicy = policy): string => {
  const verdict = gate(request, who, account, now);
  return verdict.kind === "allowed" ? "allowed" : verdict.rule;
};

/** Local times of an ordinary winter week: 2026-11-29 is a Sunday, 12-01 a Tuesday. */
const winter = (day: string, time: string, offset: string): string => `${day}T${time}:00${offset}`;
const SUNDAY = "2026-11-29";
const TUESDAY = "2026-12-01";
const SATURDAY = "2026-12-05";

describe("hours: 08:00-21:00 of the called party's local time", () => {
  test.each([
    ["New York", "10001", "-05:00"],
    ["Chicago", "60601", "-06:00"],
    ["Denver", "80202", "-07:00"],
    ["Los Angeles", "90012", "-08:00"],
    ["Honolulu", "96813", "-10:00"],
  ])("%s", (_city, zip, offset) => {
    expect(at(winter(TUESDAY, "07:59", offset), person(zip))).toBe("outside-hours");
    expect(at(winter(TUESDAY, "08:00", offset), person(zip))).toBe("allowed");
    expect(at(winter(TUESDAY, "20:59", offset), person(zip))).toBe("allowed");
    expect(at(winter(TUESDAY, "21:00", offset), person(zip))).toBe("outside-hours");
    expect(at(winter(SUNDAY, "12:00", offset), person(zip))).toBe("allowed");
  });
});

describe("stricter states", () => {
  test.each([
    // state, ZIP, offset, day, last closed minute, first open minute (or "" when the day is closed), first minute closed again
    ["Connecticut 9-21", "06103", "-05:00", TUESDAY, "08:59", "09:00", "21:00"],
    ["Nevada until 20", "89101", "-08:00", TUESDAY, "07:59", "09:00", "20:00"],
    ["Oklahoma until 20", "73102", "-06:00", TUESDAY, "07:59", "08:00", "20:00"],
    ["Maryland until 20", "21201", "-05:00", TUESDAY, "07:59", "08:00", "20:00"],
    ["Washington until 20", "98101", "-08:00", TUESDAY, "07:59", "08:00", "20:00"],
    ["Wyoming until 20", "82001", "-07:00", TUESDAY, "07:59", "08:00", "20:00"],
    ["Maine automated on weekdays 9-17", "04101", "-05:00", TUESDAY, "08:59", "09:00", "17:00"],
  ])("%s", (_row, zip, offset, day, closed, open, late) => {
    expect(at(winter(day, closed, offset), person(zip))).toBe("outside-hours");
    expect(at(winter(day, open, offset), person(zip))).toBe("allowed");
    expect(at(winter(day, late, offset), person(zip))).toBe("outside-hours");
  });

  test("Florida 8-20, in both of its zones at once", () => {
    expect(at(winter(TUESDAY, "08:30", "-05:00"), person("33101"))).toBe("outside-hours");
    expect(at(winter(TUESDAY, "09:00", "-05:00"), person("33101"))).toBe("allowed");
    expect(at(winter(TUESDAY, "19:59", "-05:00"), person("33101"))).toBe("allowed");
    expect(at(winter(TUESDAY, "20:00", "-05:00"), person("33101"))).toBe("outside-hours");
  });

  test("Kentucky from 10, in both of its zones at once", () => {
    expect(at(winter(TUESDAY, "10:30", "-05:00"), person("40202"))).toBe("outside-hours");
    expect(at(winter(TUESDAY, "11:00", "-05:00"), person("40202"))).toBe("allowed");
  });

  test("Texas: Sundays from noon", () => {
    expect(at(winter(SUNDAY, "11:59", "-06:00"), person("73301"))).toBe("outside-hours");
    expect(at(winter(SUNDAY, "13:00", "-06:00"), person("73301"))).toBe("allowed");
    expect(at(winter(TUESDAY, "09:00", "-06:00"), person("73301"))).toBe("allowed");
  });

  test.each([
    ["Alabama", "36104", "-06:00"],
    ["Rhode Island", "02903", "-05:00"],
    ["Pennsylvania", "19104", "-05:00"],
    ["Maine", "04101", "-05:00"],
  ])("%s: no Sundays", (_state, zip, offset) => {
    expect(at(winter(SUNDAY, "12:00", offset), person(zip))).toBe("closed-day");
  });

  test("Maine: no Saturdays either", () => expect(at(winter(SATURDAY, "12:00", "-05:00"), person("04101"))).toBe("closed-day"));

  test("Pennsylvania: no Sundays from 2026-10-18, but before", () => {
    expect(at("2026-10-11T12:00:00-04:00", person("19104"))).toBe("allowed");
    expect(at("2026-10-18T12:00:00-04:00", person("19104"))).toBe("closed-day");
  });
});

describe("without a ZIP code every state is possible", () => {
  test("the hours are those that all zones and states share", () => {
    // Open at 08:00 in Honolulu and Adak (13:00 in New York), closed at 17:00 in Maine.
    expect(at(winter(TUESDAY, "12:59", "-05:00"), person())).toBe("outside-hours");
    expect(at(winter(TUESDAY, "13:00", "-05:00"), person())).toBe("allowed");
    expect(at(winter(TUESDAY, "16:59", "-05:00"), person())).toBe("allowed");
    expect(at(winter(TUESDAY, "17:00", "-05:00"), person())).toBe("outside-hours");
    expect(at(winter(SUNDAY, "14:00", "-05:00"), person())).toBe("closed-day");
    expect(nextAllowed(sms, person(), policy, winter(SATURDAY, "14:00", "-05:00"))).toBe("2026-12-07T18:00:00.000Z");
  });

  test("whatever is allowed then is allowed for a ZIP code of every state", () => {
    const zips = Array.from({ length: 1000 }, (_, prefix) => `${String(prefix).padStart(3, "0")}01`);
    const states = new Set<string>();
    for (const zip of zips) {
      const state = stateOfZip(zip);
      if (state === undefined || state === "other") continue;
      states.add(state);
      for (const time of ["13:00", "16:59"]) expect(at(winter(TUESDAY, time, "-05:00"), person(zip))).toBe("allowed");
    }
    expect([...states].sort()).toEqual(Object.keys(stateZones).sort());
  });

  test("a French postal code beside a French account says nothing about an American number", () => {
    const described = describeNumber("+12025550123", { defaultCountry: "FR", fiction: true, postalCode: "75001" });
    expect(described).toMatchObject({ kind: "number", facts: { country: "US", zones: expect.arrayContaining(["Pacific/Honolulu"]) } });
    expect(described.kind === "number" && described.facts.area).toBeUndefined();
  });

  test("military and island ZIP codes tell that nobody knows the hour there", () => {
    expect(at(winter(TUESDAY, "14:00", "-05:00"), person("09012"))).toBe("unknown-zone");
    expect(at(winter(TUESDAY, "14:00", "-05:00"), person("96799"))).toBe("unknown-zone");
  });
});

describe("consent and the do-not-call registry (looked up at least every 31 days)", () => {
  const now = winter(TUESDAY, "14:00", "-05:00");
  const buying: ContactRequest = { ...sms, legalBasis: "offer-to-buy" };
  const confirmed: AccountPolicy = { ...policy, offerToBuyConfirmed: { by: "ada", at: "2026-11-01T09:00:00Z", notice: offerToBuyNotice } };
  const stranger = (doNotCall?: { checkedAt: string; listed: boolean }): PersonFacts => person("10001", { consents: [], doNotCall });

  test("nobody is prospected on the bases that the pack does not accept", () => {
    expect(at(now, stranger())).toBe("no-consent");
    expect(at(now, stranger(), { ...sms, legalBasis: "professional-recipient", ownerType: "trade" })).toBe("legal-basis-not-accepted");
    expect(at(now, stranger(), { ...sms, legalBasis: "existing-customer" })).toBe("legal-basis-not-accepted");
  });
  test("without consent a recent look-up is needed", () => {
    expect(at(now, stranger(), buying, confirmed)).toBe("do-not-call-unchecked");
    expect(at(now, stranger({ checkedAt: "2026-10-31T00:00:00Z", listed: false }), buying, confirmed)).toBe("do-not-call-unchecked");
    expect(at(now, stranger({ checkedAt: "2026-11-02T00:00:00Z", listed: false }), buying, confirmed)).toBe("allowed");
    expect(at(now, stranger({ checkedAt: "2026-11-02T00:00:00Z", listed: true }), buying, confirmed)).toBe("do-not-call");
  });
  test("the person's own consent is stronger than the registry", () => {
    expect(at(now, person("10001", { doNotCall: { checkedAt: "2026-11-02T00:00:00Z", listed: true } }))).toBe("allowed");
  });
});

test("federal holidays are closed, by our own caution", () => {
  expect(at("2026-11-26T14:00:00-05:00", person("10001"))).toBe("public-holiday");
  expect(at("2026-07-03T14:00:00-04:00", person("10001"))).toBe("public-holiday");
});

test("appointments follow the federal hours, not the states' rows on solicitation", () => {
  const reminder: ContactRequest = { channel: "sms", purpose: "appointment", legalBasis: "existing-customer", contact: "c1" };
  const customer = person("36104", { consents: [{ at: "2026-01-01T00:00:00Z", source: "invoice", basis: "existing-customer" }] });
  expect(at(winter(SUNDAY, "12:00", "-06:00"), customer, reminder)).toBe("allowed");
  expect(at(winter(SUNDAY, "22:00", "-06:00"), customer, reminder)).toBe("outside-hours");
});
