import { describe, expect, test } from "vitest";
import {
  type AccountPolicy,
  type ContactRequest,
  describeNumber,
  gate,
  nextAllowed,
  offerToBuyNotice,
  type PersonFacts,
  type Verdict,
  wordingProblem,
} from "./index.ts";

const numberOf = (raw: string, postalCode?: string) => {
  const described = describeNumber(raw, { defaultCountry: "FR", fiction: true, postalCode });
  if (described.kind !== "number") throw new Error(described.reason);
  return described.facts;
};

const mobile = numberOf("06 39 98 12 34", "75011");
const stranger: PersonFacts = { number: mobile };
const consenting: PersonFacts = { number: mobile, consents: [{ at: "2026-10-01T10:00:00Z", source: "web form", purpose: "prospecting" }] };
const customer: PersonFacts = { number: mobile, consents: [{ at: "2025-10-01T10:00:00Z", source: "invoice", basis: "existing-customer" }] };
const sms: ContactRequest = { channel: "sms", purpose: "prospecting", legalBasis: "consent", hunt: "h1", contact: "c1" };
const policy: AccountPolicy = { sandbox: true };
/** Winter: Paris is one hour ahead of UTC. 2026-11-24 is a Tuesday. */
const tuesday = "2026-11-24T11:00:00Z";

const ruleOf = (verdict: Verdict): string => (verdict.kind === "allowed" ? "allowed" : verdict.rule);
const at = (now: string, person: PersonFacts = consenting, request: ContactRequest = sms): string =>
  ruleOf(gate(request, person, policy, now));

describe("SMS marketing hours: Mon-Sat 08:00-20:00, recipient's zone", () => {
  test.each([
    ["2026-11-24T06:59:59Z", "outside-hours"],
    ["2026-11-24T07:00:00Z", "allowed"],
    ["2026-11-24T18:59:59Z", "allowed"],
    ["2026-11-24T19:00:00Z", "outside-hours"],
    ["2026-11-28T12:00:00Z", "allowed"],
    ["2026-11-29T12:00:00Z", "closed-day"],
    ["2026-07-07T06:00:00Z", "allowed"],
    ["2026-07-07T05:59:00Z", "outside-hours"],
    ["2026-07-07T18:00:00Z", "outside-hours"],
  ])("%s: %s", (now, rule) => expect(at(now)).toBe(rule));

  test("names the next opening, and where the rule is written", () => {
    expect(gate(sms, consenting, policy, "2026-11-28T19:30:00Z")).toMatchObject({
      kind: "deferred",
      until: "2026-11-30T07:00:00.000Z",
      source: expect.stringContaining("Mon-Sat 8-20"),
    });
  });

  test("a change of clocks moves the opening with the wall clock", () => {
    expect(nextAllowed(sms, consenting, policy, "2026-03-28T20:00:00Z")).toBe("2026-03-30T06:00:00.000Z");
    expect(nextAllowed(sms, consenting, policy, "2026-10-24T20:00:00Z")).toBe("2026-10-26T07:00:00.000Z");
  });
});

describe("carriers block Sundays and public holidays", () => {
  test.each(["2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25", "2026-07-14", "2026-08-15", "2026-11-11"])(
    "%s",
    (day) => expect(at(`${day}T12:00:00Z`)).toBe("public-holiday"),
  );

  test("Good Friday and 26 December are holidays in Alsace, not in Paris, and perhaps where nothing tells", () => {
    for (const day of ["2026-04-03T12:00:00Z", "2026-12-26T12:00:00Z"]) {
      expect(at(day)).toBe("allowed");
      expect(at(day, { ...consenting, number: numberOf("0639981234", "67000") })).toBe("public-holiday");
      expect(at(day, { ...consenting, number: numberOf("0639981234") })).toBe("public-holiday");
    }
  });

  test("overseas: zone and holidays are those of the island", () => {
    const reunion: PersonFacts = { ...consenting, number: numberOf("0692 12 34 56", "97400") };
    expect(at("2026-11-24T04:30:00Z", reunion)).toBe("allowed");
    expect(at("2026-11-24T16:30:00Z", reunion)).toBe("outside-hours");
    expect(at("2026-12-20T08:00:00Z", reunion)).toBe("public-holiday");
  });
});

describe("SMS to private persons: prior opt-in; existing customer + similar products", () => {
  test("without a recorded consent it is denied, and the answer says what would help", () => {
    expect(gate(sms, stranger, policy, tuesday)).toMatchObject({
      kind: "denied",
      rule: "no-consent",
      remedy: expect.stringMatching(/consent/i),
      source: expect.stringContaining("L34-5"),
    });
  });
  test("with consent it is allowed, on WhatsApp as well", () => {
    expect(at(tuesday)).toBe("allowed");
    expect(at(tuesday, consenting, { ...sms, channel: "whatsapp" })).toBe("allowed");
  });
  test("a consent for another purpose is none; one without a purpose covers all", () => {
    const record = { at: "2026-10-01T10:00:00Z", source: "web form" };
    expect(at(tuesday, { number: mobile, consents: [{ ...record, purpose: "service" }] })).toBe("no-consent");
    expect(at(tuesday, { number: mobile, consents: [record] })).toBe("allowed");
  });
  test("an existing customer is one whom the account has on record", () => {
    const request: ContactRequest = { ...sms, legalBasis: "existing-customer", purpose: "existing-customer" };
    expect(at(tuesday, customer, request)).toBe("allowed");
    expect(at(tuesday, stranger, request)).toBe("not-a-customer");
    expect(at(tuesday, consenting, request)).toBe("not-a-customer");
    expect(at(tuesday, customer)).toBe("no-consent");
  });
  test("a request without a legal basis is denied", () => {
    expect(at(tuesday, consenting, { ...sms, legalBasis: undefined })).toBe("no-legal-basis");
  });
});

test("SMS to professionals: information + easy opt-out, for ads of the trade only", () => {
  const request: ContactRequest = { ...sms, legalBasis: "professional-recipient" };
  expect(at(tuesday, stranger, { ...request, ownerType: "trade" })).toBe("allowed");
  expect(at(tuesday, stranger, { ...request, ownerType: "private" })).toBe("not-professional");
  expect(at(tuesday, stranger, request)).toBe("not-professional");
});

test("contacting an ad owner to buy: off until the account has confirmed the notice", () => {
  const request: ContactRequest = { ...sms, legalBasis: "offer-to-buy" };
  expect(at(tuesday, stranger, request)).toBe("offer-to-buy-unconfirmed");
  const confirmed: AccountPolicy = { ...policy, offerToBuyConfirmed: { by: "ada", at: "2026-11-01T10:00:00Z", notice: offerToBuyNotice } };
  expect(gate(request, stranger, confirmed, tuesday)).toEqual({ kind: "allowed" });
  const another: AccountPolicy = { ...policy, offerToBuyConfirmed: { by: "ada", at: "2026-11-01T10:00:00Z", notice: "An earlier text." } };
  expect(gate(request, stranger, another, tuesday)).toMatchObject({ kind: "denied", rule: "offer-to-buy-unconfirmed" });
});

test("classified ads: 'no canvassing' notes are respected, unless the person has consented", () => {
  const confirmed: AccountPolicy = { ...policy, offerToBuyConfirmed: { by: "ada", at: "2026-11-01T10:00:00Z", notice: offerToBuyNotice } };
  const request: ContactRequest = { ...sms, legalBasis: "offer-to-buy", noCanvassing: true };
  expect(gate(request, stranger, confirmed, tuesday)).toMatchObject({ kind: "denied", rule: "no-canvassing" });
  expect(gate(request, customer, confirmed, tuesday)).toMatchObject({ kind: "denied", rule: "no-canvassing" });
  expect(gate(request, consenting, confirmed, tuesday)).toEqual({ kind: "allowed" });
});

describe("after a refusal: no contact for 60 calendar days", () => {
  // Refused on 24 September at 14:00 in Paris: the 60th full day is 23 November.
  const refused: PersonFacts = { ...consenting, refusals: [{ at: "2026-09-24T12:00:00Z" }] };
  test("the 60th day is still closed, the next is open", () => {
    expect(at("2026-11-23T18:00:00Z", refused)).toBe("refused-recently");
    expect(at("2026-11-24T08:00:00Z", refused)).toBe("allowed");
    expect(gate(sms, refused, policy, "2026-10-01T10:00:00Z")).toMatchObject({ kind: "deferred", until: "2026-11-23T23:00:00.000Z" });
  });
  test("the latest of several refusals counts", () => {
    const again = { ...refused, refusals: [{ at: "2026-11-01T12:00:00Z" }, { at: "2026-09-24T12:00:00Z" }] };
    expect(at("2026-11-24T08:00:00Z", again)).toBe("refused-recently");
  });
});

describe("frequency: max 4 attempts per 30 calendar days, over all channels", () => {
  const made = (days: readonly string[]): PersonFacts => ({
    ...consenting,
    attempts: days.map((day, index) => ({
      at: `${day}T12:00:00Z`,
      contact: `step-${index}`,
      hunt: "h1",
      channel: index % 2 === 0 ? "sms" : "call",
    })),
  });
  test("the fifth waits until the first is 30 days old", () => {
    const four = made(["2026-11-02", "2026-11-05", "2026-11-10", "2026-11-20"]);
    expect(gate(sms, four, policy, tuesday)).toMatchObject({ rule: "too-many-attempts", until: "2026-12-01T23:00:00.000Z" });
    expect(at("2026-12-02T09:00:00Z", four)).toBe("allowed");
    expect(at(tuesday, made(["2026-11-05", "2026-11-10", "2026-11-20"]))).toBe("allowed");
  });
  test("attempts that served an appointment do not count", () => {
    const four = made(["2026-11-02", "2026-11-05", "2026-11-10", "2026-11-20"]);
    const attempts = (four.attempts ?? []).map((attempt) => ({ ...attempt, purpose: "appointment" as const }));
    expect(at(tuesday, { ...four, attempts })).toBe("allowed");
  });
});

describe("alerts and appointments have no hour limit", () => {
  const reminder: ContactRequest = { channel: "sms", purpose: "appointment", contact: "c9" };
  test("at night, on a Sunday, after a refusal, without a basis", () => {
    const refused: PersonFacts = { number: mobile, refusals: [{ at: "2026-11-28T10:00:00Z" }] };
    expect(at("2026-11-29T02:00:00Z", refused, reminder)).toBe("allowed");
    expect(at("2026-11-29T02:00:00Z", refused, { ...reminder, purpose: "service" })).toBe("allowed");
  });
  test("but an opt-out stops them too", () => {
    expect(at(tuesday, { ...consenting, optedOut: { at: "2026-11-01T10:00:00Z", by: "keyword" } }, reminder)).toBe("opted-out");
  });
});

test("channels that the pack does not describe are denied", () => {
  expect(at(tuesday, consenting, { ...sms, channel: "call" })).toBe("no-rule-for-channel");
  expect(at(tuesday, consenting, { ...sms, channel: "voicemail" })).toBe("no-rule-for-channel");
});

describe("energy savings and works on homes: forbidden, by SMS too, except on a running contract", () => {
  const works = { ...sms, sector: "energy-renovation" } as const;

  test("neither consent nor a professional's ad allows it, and the answer says where it is written", () => {
    expect(gate(works, consenting, policy, tuesday)).toMatchObject({
      kind: "denied",
      rule: "energy-renovation-forbidden",
      remedy: expect.stringContaining("running contract"),
      source: expect.stringContaining("L223-1"),
    });
    expect(at(tuesday, stranger, { ...works, legalBasis: "professional-recipient", ownerType: "trade" })).toBe(
      "energy-renovation-forbidden",
    );
    expect(at(tuesday, consenting, { ...works, channel: "whatsapp" })).toBe("energy-renovation-forbidden");
  });

  test("customers may be offered it, appointments are no offers, and nothing else is touched", () => {
    expect(at(tuesday, customer, { ...works, legalBasis: "existing-customer" })).toBe("allowed");
    expect(at(tuesday, stranger, { ...works, legalBasis: "existing-customer" })).toBe("not-a-customer");
    expect(at(tuesday, stranger, { ...works, purpose: "appointment" })).toBe("allowed");
    expect(at(tuesday, consenting, sms)).toBe("allowed");
  });
});

test("every promotional SMS must carry STOP; appointments and other countries' messages need not", () => {
  const asked = { country: "FR", channel: "sms", purpose: "prospecting" } as const;
  expect(wordingProblem("Bonjour, toujours en vente ? Stop pour refuser.", asked)).toBeUndefined();
  for (const text of ["À vendre ? (STOP au 36111)", "Bonjour. STOP", "«Stop»"]) expect(wordingProblem(text, asked)).toBeUndefined();
  for (const text of ["Bonjour", "Des stops neufs", "nonstop", "Vente non-stop ce soir", "non\u2011stop", "Préstop", "stopé", "STOP2"])
    expect(wordingProblem(text, asked)).toMatch(/does not say STOP.*France.*sweego/);
  expect(wordingProblem("Bonjour", { ...asked, purpose: "existing-customer" })).toMatch(/STOP/);
  expect(wordingProblem("Bonjour", { ...asked, purpose: "appointment" })).toBeUndefined();
  expect(wordingProblem("Hello", { ...asked, country: "US" })).toBeUndefined();
});
