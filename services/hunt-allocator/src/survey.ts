import type { Channel } from "@outrider/contracts/fields";
import type { AdId, HuntId, LineId, PersonId } from "@outrider/contracts/ids";
import type { Matchable } from "./matches.ts";
import { newestOf } from "./newest.ts";

/** A way to reach people for a hunt; `price` in credits. */
export interface Route {
  readonly channel: Channel;
  readonly line: LineId;
  readonly price: number;
}

export interface HuntInPlay {
  readonly hunt: HuntId;
  /** 1 to 9: the weight of its share. */
  readonly priority: number;
  /** In order of preference, at most 31. */
  readonly routes: readonly Route[];
  readonly wants: (ad: CandidateAd) => boolean;
  /** What is left of its daily limit; null: no limit. */
  readonly left: number | null;
  /** Contacts of today's earlier pages. */
  readonly allocatedToday: number;
  /** Rows of this very pass, appended before it was interrupted. */
  readonly allocatedInPass: number;
  /** Why it writes to nobody in this pass at all: `paused`, `hunt-error` … */
  readonly closed?: string | undefined;
  /** What is wrong with it, in words. */
  readonly error?: string | undefined;
}

export interface CandidateAd extends Matchable {
  readonly ad: AdId;
  readonly noCanvassing: boolean;
}

/** A person with all ads that are young enough, in any order; or one ad without a usable number. */
export interface Candidate {
  readonly person?: PersonId | undefined;
  readonly ads: readonly CandidateAd[];
  /** The hunt that this very pass, before it was interrupted, gave the person to. */
  readonly allocatedBy?: HuntId | undefined;
  /** The last recorded denial by hunt. */
  readonly denied?: Readonly<Record<string, string>> | undefined;
}

/** The gate's preview. `lasting`: true of this person whatever the hour; recorded when it changes. */
export type Judged = { readonly allowed: true } | { readonly allowed: false; readonly rule: string; readonly lasting: boolean };
/** What is kept of an ad that somebody may be written to about. */
export type Keep<C extends Candidate> = (candidate: C, ad: CandidateAd) => string;
export type Judge<C extends Candidate> = (candidate: C, hunt: HuntInPlay, route: Route, ad: CandidateAd) => Judged;

/** One person whom one hunt may write to: about the newest of `pairs` matching ads, by the routes whose bits are set. */
export interface Eligible {
  readonly person: PersonId;
  readonly ad: AdId;
  readonly publishedMs: number;
  readonly pairs: number;
  readonly routes: number;
  /** What the caller wants to have of the ad when the person is written to: packed, because thousands are kept. */
  readonly kept: string;
}

export interface Denial {
  readonly person: PersonId;
  readonly hunt: HuntId;
  readonly rule: string;
  readonly ad: AdId;
}

export interface HuntSurvey {
  readonly hunt: HuntInPlay;
  readonly found: number;
  readonly allocatedInPass: number;
  readonly skipped: ReadonlyMap<string, number>;
  /** Newest first; at most as many as the whole pass could take. */
  readonly eligible: readonly Eligible[];
  /** Pairs of eligible people beyond those. */
  readonly beyond: number;
}

export interface Survey<C extends Candidate> {
  readonly take: (candidate: C) => void;
  /** Denials that are new or have changed, since this was last called. */
  readonly denials: () => readonly Denial[];
  readonly hunts: () => readonly HuntSurvey[];
}

/**
 * Looks at candidates one by one and keeps no more of them than a pass could take: counts, and a compact line for each person whom a
 * hunt may write to. `most`: how many contacts the pass can make at all.
 */
export const survey = <C extends Candidate>(
  hunts: readonly HuntInPlay[],
  judge: Judge<C>,
  most: number,
  keep: Keep<C> = nothing,
): Survey<C> => {
  const seen = hunts.map((hunt) => seenBy(hunt, most));
  let denials: Denial[] = [];

  const settle = (candidate: C, of: Seen, newest: CandidateAd, pairs: number): void => {
    const { hunt } = of.hunt;
    const { ad, publishedMs } = newest;
    of.found += pairs;
    if (candidate.allocatedBy === hunt) {
      of.allocatedInPass += 1;
      of.skip("already-contacted", pairs - 1);
      return;
    }
    const { person } = candidate;
    const declined = decline(of, candidate);
    if (declined !== undefined || person === undefined) {
      of.skip(declined ?? "no-number", pairs);
      return;
    }
    const judged = openRoutes(judge, candidate, of.hunt, newest);
    if (typeof judged === "number") {
      of.keep({ person, ad, publishedMs, pairs, routes: judged, kept: keep(candidate, newest) });
    } else if (!judged.allowed) {
      of.skip(judged.rule, pairs);
      if (judged.lasting && candidate.denied?.[hunt] !== judged.rule) denials.push({ person, hunt, rule: judged.rule, ad });
    }
  };

  return {
    take: (candidate) => {
      for (const of of seen) {
        const { newest, pairs } = wantedBy(of.hunt, candidate.ads);
        if (newest !== undefined) settle(candidate, of, newest, pairs);
      }
    },
    denials: () => {
      const taken = denials;
      denials = [];
      return taken;
    },
    hunts: () => seen.map((of) => of.done()),
  };
};

const nothing = (): string => "";

/** The newest of the ads that a hunt wants, and how many there are. */
const wantedBy = (
  { wants }: HuntInPlay,
  ads: readonly CandidateAd[],
): { readonly newest: CandidateAd | undefined; readonly pairs: number } => {
  let newest: CandidateAd | undefined;
  let pairs = 0;
  for (const ad of ads) {
    if (!wants(ad)) continue;
    pairs += 1;
    if (newest === undefined || isNewer(ad, newest)) newest = ad;
  }
  return { newest, pairs };
};

/** Why nobody need be asked about a candidate. */
const decline = ({ hunt }: Seen, { person, allocatedBy }: Candidate): string | undefined => {
  if (hunt.closed !== undefined) return hunt.closed;
  if (person === undefined) return "no-number";
  return allocatedBy === undefined ? undefined : "contacted-recently";
};

/** The bits of the routes by which the candidate may be written to; where there is none, the first one's no. */
const openRoutes = <C extends Candidate>(judge: Judge<C>, candidate: C, hunt: HuntInPlay, ad: CandidateAd): Judged | number => {
  let routes = 0;
  let first: Judged | undefined;
  for (const [index, route] of hunt.routes.entries()) {
    const judged = judge(candidate, hunt, route, ad);
    if (judged.allowed) routes |= 1 << index;
    else first ??= judged;
  }
  return routes === 0 ? (first ?? { allowed: false, rule: "no-channel", lasting: true }) : routes;
};

const isNewer = (ad: CandidateAd, than: CandidateAd): boolean =>
  ad.publishedMs > than.publishedMs || (ad.publishedMs === than.publishedMs && ad.ad < than.ad);

interface Seen {
  readonly hunt: HuntInPlay;
  found: number;
  allocatedInPass: number;
  readonly skip: (rule: string, pairs: number) => void;
  readonly keep: (one: Eligible) => void;
  readonly done: () => HuntSurvey;
}

const seenBy = (hunt: HuntInPlay, most: number): Seen => {
  const skipped = new Map<string, number>();
  const newest = newestOf(most);
  const seen: Seen = {
    hunt,
    found: 0,
    allocatedInPass: 0,
    skip: (rule, pairs) => {
      if (pairs > 0) skipped.set(rule, (skipped.get(rule) ?? 0) + pairs);
    },
    keep: newest.add,
    done: () => {
      // Rows whose ads do not match any more, or are gone: they were found when they were allocated.
      const vanished = Math.max(0, hunt.allocatedInPass - seen.allocatedInPass);
      return { hunt, found: seen.found + vanished, allocatedInPass: seen.allocatedInPass + vanished, skipped, ...newest.kept() };
    },
  };
  return seen;
};
