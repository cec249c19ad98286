import { expect, test } from "vitest";
import { type AccountPolicy, type ContactRequest, describeNumber, gate, offerToBuyNotice, type PersonFacts } from "./index.ts";

const request: ContactRequest = { channel: "sms", purpose: "prospecting", legalBasis: "offer-to-buy", hunt: "h1", contact: "c1" };
const policy: AccountPolicy = { sandbox: true, offerToBuyConfirmed: { by: "ada", at: "2026-11-01T09:00:00Z", notice: offerToBuyNotice } };
const four = (n: number): string => String(n).padStart(4, "0");

/** Tuesday noon in Paris. */
const frenchNoon = "2026-11-24T11:00:00Z";
/** Tuesday, 15:00 in New York and 09:00 in Honolulu. */
const americanDay = "2026-11-24T20:00:00Z";

test("every French number reserved for fiction passes the gate in the sandbox, and none is a number in live mode", () => {
  for (let n = 0; n < 10_000; n += 1) {
    const raw = `06 39 98 ${four(n).slice(0, 2)} ${four(n).slice(2)}`;
    const described = describeNumber(raw, { defaultCountry: "FR", fiction: true });
    if (described.kind !== "number") throw new Error(`${raw}: ${described.reason}`);
    expect(described.e164).toBe(`+3363998${four(n)}`);
    expect(described.facts).toMatchObject({ country: "FR", lineType: "mobile", fiction: true });
    expect(gate(request, { number: described.facts }, policy, frenchNoon)).toEqual({ kind: "allowed" });
    expect(gate(request, { number: described.facts }, { ...policy, sandbox: false }, frenchNoon)).toMatchObject({
      kind: "denied",
      rule: "fiction-number-in-live-mode",
    });
    expect(describeNumber(raw, { defaultCountry: "FR", fiction: false })).toMatchObject({ rule: "fiction-number-in-live-mode" });
  }
});

test("every American 555-01xx number passes the gate in the sandbox, and none is a number in live mode", () => {
  let areaCodes = 0;
  for (let areaCode = 201; areaCode <= 989; areaCode += 1) {
    if (describeNumber(`+1${areaCode}5550100`, { fiction: true }).kind === "invalid") continue;
    areaCodes += 1;
    for (let n = 100; n < 200; n += 1) {
      const e164 = `+1${areaCode}555${four(n)}`;
      const described = describeNumber(e164, { fiction: true });
      if (described.kind !== "number") throw new Error(`${e164}: ${described.reason}`);
      if (described.facts.country !== "US") break; // Canada and the islands share the country code and have no pack
      const person: PersonFacts = { number: described.facts, doNotCall: { checkedAt: "2026-11-20T00:00:00Z", listed: false } };
      if (!described.facts.fiction) break; // toll-free and other special codes are nobody's mobile
      expect(gate(request, person, policy, americanDay)).toEqual({ kind: "allowed" });
      expect(describeNumber(e164, { fiction: false })).toMatchObject({ rule: "fiction-number-in-live-mode" });
    }
  }
  expect(areaCodes).toBeGreaterThan(300);
});
