import { gate } from "@outrider/contact-policy/gate";
import { type AccountId, contactIdOf, type PersonId } from "@outrider/contracts/ids";
import type { KnownAccount } from "@outrider/platform";
import type { Found } from "./candidates.ts";
import type { Candidate, CandidateAd, HuntInPlay, Judged, Route } from "./survey.ts";
import type { Contacted, HuntDocument } from "./views.ts";

/** A candidate as the allocation sees it, with what the gate needs. */
export interface GateCandidate extends Candidate {
  readonly found: Found;
}

export interface Preview {
  readonly candidate: (found: Found) => GateCandidate;
  readonly judge: (candidate: GateCandidate, hunt: HuntInPlay, route: Route, ad: CandidateAd) => Judged;
  readonly verdict: (found: Found, hunt: HuntDocument, route: Route, ad: CandidateAd) => ReturnType<typeof gate>;
}

export interface PreviewOptions {
  readonly account: KnownAccount;
  readonly hunts: ReadonlyMap<string, HuntDocument>;
  readonly now: string;
  readonly sandbox: boolean;
  /** The pass that is under way: what it allocated before an interruption counts as its own. */
  readonly pass?: { readonly run: string; readonly pass: number } | undefined;
}

const step = 1;

/** What the gate says of one person, with what is known of them. */
const verdictWith = ({ account, now, sandbox }: Pick<PreviewOptions, "account" | "now" | "sandbox">): Preview["verdict"] => {
  const { recontactAfterDays } = account.policy;
  const policy = { recontactAfterDays, offerToBuyConfirmed: account.offerToBuyConfirmed, sandbox };
  return (found, hunt, { channel }, ad) => {
    const facts = factsFor(found, ad);
    const { said, contacted, gated, person } = found;
    if (facts === undefined || person === null) return { kind: "denied", rule: "invalid-number", remedy: "Correct the number." };
    const attempts = (contacted?.contacts ?? []).filter(({ contact, at }) => !endedAfter(gated.get(contact), at));
    const { purpose, legalBasis, sector } = hunt.definition;
    const contact = attempts.length === 0 ? "" : contactIdOf(account.account, hunt.hunt, person, step);
    return gate(
      { channel, purpose, legalBasis, hunt: hunt.hunt, contact, noCanvassing: ad.noCanvassing, ownerType: ad.ownerType, sector },
      {
        number: facts,
        erased: said?.erased,
        optedOut: said?.optedOut,
        refusals: said?.refusedAt === undefined ? [] : [{ at: said.refusedAt }],
        attempts,
        consents: said?.consents ?? [],
      },
      policy,
      now,
    );
  };
};

/** The contact gate as a preview: with what our own views know of a person. The decision is the permit's, at the moment of sending. */
export const preview = ({ account, hunts, now, sandbox, pass }: PreviewOptions): Preview => {
  const verdict = verdictWith({ account, now, sandbox });
  // Most people have no history; for them the answer depends on a handful of values.
  const answers = new Map<string, Judged>();
  const thisPass = ({ run, pass: number }: Contacted): boolean => run === pass?.run && number === pass.pass;

  const judged = (found: Found, hunt: HuntDocument, route: Route, ad: CandidateAd): Judged => {
    const result = verdict(found, hunt, route, ad);
    if (result.kind === "allowed") return { allowed: true };
    return { allowed: false, rule: result.rule, lasting: result.kind === "denied" && result.rule !== "already-contacted" };
  };

  return {
    verdict,
    candidate: (found) => ({
      found,
      ads: found.ads,
      person: numberOf(found) === undefined ? undefined : (found.person ?? undefined),
      allocatedBy: pass === undefined ? undefined : found.contacted?.contacts.find(thisPass)?.hunt,
      denied: rulesOf(found),
    }),
    judge: ({ found }, { hunt: id }, route, ad) => {
      const hunt = hunts.get(id);
      if (hunt === undefined) throw new TypeError("a hunt in play is not among those that were looked up");
      if (found.contacted !== undefined || found.said !== undefined) return judged(found, hunt, route, ad);
      const key = `${id} ${route.channel} ${ad.noCanvassing} ${ad.ownerType} ${JSON.stringify(factsFor(found, ad))}`;
      const known = answers.get(key);
      if (known !== undefined) return known;
      const answer = judged(found, hunt, route, ad);
      if (answers.size < 20_000) answers.set(key, answer);
      return answer;
    },
  };
};

const numberOf = ({ ads, person }: Found) => (person === null ? undefined : ads.find(({ facts }) => facts !== undefined));

/** As the ad itself tells: the same number gives the same facts, but for the zone that its postal code refines. */
const factsFor = (found: Found, { ad }: CandidateAd) => (found.ads.find((each) => each.ad === ad) ?? numberOf(found))?.facts;

const endedAfter = (endedAt: string | undefined, at: string): boolean => endedAt !== undefined && Date.parse(endedAt) >= Date.parse(at);

const rulesOf = ({ contacted }: Found): Readonly<Record<string, string>> | undefined =>
  contacted === undefined ? undefined : Object.fromEntries(Object.entries(contacted.denials).map(([hunt, { rule }]) => [hunt, rule]));

/** The contact of this service's first and only step. */
export const contactOf = (account: AccountId, hunt: HuntInPlay["hunt"], person: PersonId) => contactIdOf(account, hunt, person, step);
