import { DAY, instant, localDay, momentOf } from "./local-time.ts";
import type { PurposeRules } from "./packs/pack.ts";
import type { AccountPolicy, ContactRequest, PastAttempt, PersonFacts } from "./types.ts";

const RECONTACT_AFTER_DAYS = 30;

/** First moment that lies `days` calendar days after the day of `at`, in every zone that may be the recipient's. */
const daysAfter = (at: number, days: number, zones: readonly string[]): number => {
  let last = at;
  for (const zone of zones) last = Math.max(last, momentOf(zone, localDay(zone, at) + days, 0));
  return last;
};

const countsAsSolicitation = ({ purpose }: PastAttempt): boolean => purpose !== "appointment" && purpose !== "service";

const attemptsOfOthers = (request: ContactRequest, person: PersonFacts): readonly PastAttempt[] =>
  (person.attempts ?? []).filter((attempt) => attempt.contact !== request.contact && countsAsSolicitation(attempt));

/** Full calendar days must have elapsed since the refusal: the day of the refusal itself is not one of them. */
export const refusalEnds = (person: PersonFacts, rule: NonNullable<PurposeRules["refusal"]>): number =>
  latest((person.refusals ?? []).map(({ at }) => daysAfter(instant(at), rule.days + 1, person.number.zones)));

/** When another hunt's last contact is far enough in the past. */
export const recontactFrom = (request: ContactRequest, person: PersonFacts, policy: AccountPolicy): number => {
  const days = policy.recontactAfterDays ?? RECONTACT_AFTER_DAYS;
  const others = attemptsOfOthers(request, person).filter((attempt) => attempt.hunt !== request.hunt);
  return latest(others.map(({ at }) => daysAfter(instant(at), days, person.number.zones)));
};

/**
 * When one more attempt is within `max` per `days` calendar days, given that it is `now`; an attempt counts on its own day and the
 * `days - 1` after it.
 */
export const attemptFreeFrom = (
  request: ContactRequest,
  person: PersonFacts,
  rule: NonNullable<PurposeRules["attempts"]>,
  now: number,
): number => {
  const recent = attemptsOfOthers(request, person).filter(({ at }) => instant(at) > now - (rule.days + 2) * DAY);
  if (recent.length < rule.max) return Number.NEGATIVE_INFINITY;
  const ends = recent.map(({ at }) => daysAfter(instant(at), rule.days, person.number.zones)).filter((end) => end > now);
  ends.sort((a, b) => a - b);
  return ends[ends.length - rule.max] ?? Number.NEGATIVE_INFINITY;
};

const latest = (moments: readonly number[]): number => moments.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
