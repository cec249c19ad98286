import { type Opening, openingAt } from "./calendar.ts";
import { attemptFreeFrom, recontactFrom, refusalEnds } from "./frequency.ts";
import { lawfulObjection, type Objection } from "./legal-basis.ts";
import { DAY, instant } from "./local-time.ts";
import { packFor } from "./packs/installed.ts";
import type { ChannelRules, Pack, PurposeRules } from "./packs/pack.ts";
import { type Rule, remedyFor } from "./rules.ts";
import type { AccountPolicy, ContactRequest, PersonFacts, Verdict } from "./types.ts";
import { accountTimes, lawfulTimes } from "./whereabouts.ts";

const ALLOWED: Verdict = { kind: "allowed" };

/**
 * May this contact be made now? Pure and synchronous; denies whatever no pack describes. What never changes by waiting is denied, what
 * does is deferred until the moment at which that rule ends (another rule may then hold: see `nextAllowed`).
 * `now` is an ISO 8601 time of the sandbox's or the real clock. Throws RangeError when a time in the arguments is none.
 */
export const gate = (request: ContactRequest, person: PersonFacts, policy: AccountPolicy, now: string): Verdict =>
  judge(request, person, policy, instant(now));

/**
 * The first moment from `from` on at which the gate allows this contact if nothing else happens, as an ISO 8601 time in UTC.
 * Undefined when waiting does not help, or not within 400 days.
 */
export const nextAllowed = (request: ContactRequest, person: PersonFacts, policy: AccountPolicy, from: string): string | undefined => {
  const start = instant(from);
  for (let at = start; at <= start + 400 * DAY; ) {
    const verdict = judge(request, person, policy, at);
    if (verdict.kind === "allowed") return new Date(at).toISOString();
    if (verdict.kind === "denied") return undefined;
    at = instant(verdict.until);
  }
  return undefined;
};

const judge = (request: ContactRequest, person: PersonFacts, policy: AccountPolicy, now: number): Verdict => {
  const first = standingObjection(person, policy);
  if (first !== undefined) return denied({ rule: first });
  const pack = packFor(person.number.country);
  if (pack === undefined) return denied({ rule: "no-country-pack" });
  const channel = pack.channels[request.channel];
  if (channel === undefined) return denied({ rule: "no-rule-for-channel" });
  const rules = channel.purposes[request.purpose];
  const objection = reachObjection(person, channel) ?? lawfulObjection(request, person, policy, rules, now);
  if (objection !== undefined) return denied(objection);
  if (request.attempt === undefined && person.attempts?.some(({ contact }) => contact === request.contact)) {
    return denied({ rule: "already-contacted" });
  }
  return rested(request, person, policy, rules, now) ?? timely(request, person, policy, { pack, rules }, now) ?? ALLOWED;
};

/** What forbids every contact with this person, in any country. */
const standingObjection = (person: PersonFacts, policy: AccountPolicy): Rule | undefined => {
  if (person.erased) return "erased";
  if (person.optedOut !== undefined) return "opted-out";
  if (policy.paused) return "paused";
  if (person.number.fiction && !policy.sandbox) return "fiction-number-in-live-mode";
  return undefined;
};

const reachObjection = ({ number }: PersonFacts, channel: ChannelRules): Objection | undefined => {
  if (!channel.lineTypes.includes(number.lineType)) return { rule: "not-mobile" };
  return number.zones.length === 0 ? { rule: "unknown-zone" } : undefined;
};

/** Only what is meant to lead to a deal must leave people in peace for a while. */
const solicits = (request: ContactRequest): boolean => request.purpose === "prospecting" || request.purpose === "existing-customer";

const rested = (
  request: ContactRequest,
  person: PersonFacts,
  policy: AccountPolicy,
  rules: PurposeRules,
  now: number,
): Verdict | undefined => {
  if (rules.refusal !== undefined && person.refusals?.length) {
    const until = refusalEnds(person, rules.refusal);
    if (until > now) return deferred(until, "refused-recently", rules.refusal.source);
  }
  if (!person.attempts?.length) return undefined;
  if (solicits(request)) {
    const until = recontactFrom(request, person, policy);
    if (until > now) return deferred(until, "contacted-recently", "the account's own settings");
  }
  if (rules.attempts === undefined) return undefined;
  const until = attemptFreeFrom(request, person, rules.attempts, now);
  return until > now ? deferred(until, "too-many-attempts", rules.attempts.source) : undefined;
};

const timely = (
  request: ContactRequest,
  { number }: PersonFacts,
  policy: AccountPolicy,
  { pack, rules }: { pack: Pack; rules: PurposeRules },
  now: number,
): Verdict | undefined => {
  const law = rules.times === undefined ? undefined : closed(openingAt(lawfulTimes(pack, rules.times, number), now));
  if (law !== undefined) return law;
  const own = solicits(request) ? accountTimes(policy, number) : undefined;
  return own === undefined ? undefined : closed(openingAt(own, now));
};

const closed = (opening: Opening): Verdict | undefined => {
  if (opening.open) return undefined;
  if (opening.until === Number.POSITIVE_INFINITY) return denied(opening);
  return deferred(opening.until, opening.rule, opening.source);
};

const denied = ({ rule, source }: Objection): Verdict => ({
  kind: "denied",
  rule,
  remedy: remedyFor(rule),
  ...(source === undefined ? {} : { source }),
});

const deferred = (until: number, rule: Rule, source: string): Verdict => ({
  kind: "deferred",
  until: new Date(until).toISOString(),
  rule,
  remedy: remedyFor(rule),
  source,
});
