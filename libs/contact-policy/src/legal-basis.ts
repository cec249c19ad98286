import { DAY, instant } from "./local-time.ts";
import { offerToBuyNotice } from "./notices.ts";
import type { PurposeRules } from "./packs/pack.ts";
import type { Rule } from "./rules.ts";
import type { AccountPolicy, ContactRequest, LegalBasis, PersonFacts } from "./types.ts";

/** A rule that says no, and where it is written. */
export interface Objection {
  readonly rule: Rule;
  readonly source?: string;
}

const hasConsent = (request: ContactRequest, person: PersonFacts): boolean =>
  (person.consents ?? []).some(
    ({ basis = "consent", purpose }) => basis === "consent" && (purpose === undefined || purpose === request.purpose),
  );

/** What stands against this contact in law, whatever the hour; undefined when nothing does. */
export const lawfulObjection = (
  request: ContactRequest,
  person: PersonFacts,
  policy: AccountPolicy,
  rules: PurposeRules,
  now: number,
): Objection | undefined => {
  const forbidden = request.sector === undefined ? undefined : rules.sectors?.[request.sector];
  if (forbidden !== undefined && (request.legalBasis === undefined || !forbidden.unless.includes(request.legalBasis))) return forbidden;
  const { accepted, source } = rules.bases;
  if (accepted !== "any") {
    if (request.legalBasis === undefined) return { rule: "no-legal-basis", source };
    if (!accepted.includes(request.legalBasis)) return { rule: "legal-basis-not-accepted", source };
    const missing = missingFor(request.legalBasis, request, person, policy);
    if (missing !== undefined) return { rule: missing, source };
  }
  const needed = rules.canvassing ?? rules.doNotCall;
  if (needed === undefined || hasConsent(request, person)) return undefined;
  if (rules.canvassing !== undefined && request.noCanvassing) return { rule: "no-canvassing", source: rules.canvassing.source };
  return rules.doNotCall && registryObjection(person, rules.doNotCall, now);
};

const missingFor = (basis: LegalBasis, request: ContactRequest, person: PersonFacts, policy: AccountPolicy): Rule | undefined => {
  switch (basis) {
    case "consent":
      return hasConsent(request, person) ? undefined : "no-consent";
    case "existing-customer":
      return (person.consents ?? []).some((record) => record.basis === "existing-customer") ? undefined : "not-a-customer";
    case "professional-recipient":
      return request.ownerType === "trade" ? undefined : "not-professional";
    case "offer-to-buy":
      return policy.offerToBuyConfirmed?.notice === offerToBuyNotice ? undefined : "offer-to-buy-unconfirmed";
    default:
      return unreachable(basis);
  }
};

const registryObjection = (person: PersonFacts, rule: NonNullable<PurposeRules["doNotCall"]>, now: number): Objection | undefined => {
  const { doNotCall } = person;
  if (doNotCall?.listed) return { rule: "do-not-call", source: rule.source };
  const fresh = doNotCall !== undefined && instant(doNotCall.checkedAt) >= now - rule.maxAgeDays * DAY;
  return fresh ? undefined : { rule: "do-not-call-unchecked", source: rule.source };
};

const unreachable = (basis: never): never => {
  throw new TypeError(`unknown legal basis ${String(basis)}`);
};
