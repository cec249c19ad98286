import type { Channel } from "@outrider/contracts/fields";
import { adId, huntId, type LineId, lineId, personId } from "@outrider/contracts/ids";
import fc from "fast-check";
import type { AllocationInput } from "./allocate.ts";
import type { Capacity } from "./share.ts";
import type { Candidate, CandidateAd, HuntInPlay, Judge, Route } from "./survey.ts";

/** Arbitrary accounts for property tests: people and their ads, hunts, senders of several channels at several prices, and limits. */

export interface Someone extends Candidate {
  /** Hunts and channels by which the gate says no, by name. */
  readonly refuses: readonly string[];
}
export interface Ad extends CandidateAd {
  readonly wantedBy: readonly string[];
}
export type Input = AllocationInput<Someone>;

export const names = ["h0", "h1", "h2", "h3"];
const senders = (["sms", "sms", "whatsapp", "voicemail"] as const).map((channel, index) => ({ channel, line: lineId.parse(`l${index}`) }));
const lines = senders.map(({ line }) => line);
export type Prices = Readonly<Record<Exclude<Channel, "call">, number>>;
const price = fc.nat(3);
export const prices: fc.Arbitrary<Prices> = fc.record({ sms: price, whatsapp: price, voicemail: price });
/** The same for every channel. */
export const onePrice: fc.Arbitrary<Prices> = fc.nat(3).map((each) => ({ sms: each, whatsapp: each, voicemail: each }));
const limit = fc.option(fc.nat(12), { nil: null });

const ad = fc.record({
  publishedMs: fc.nat(40),
  wantedBy: fc.subarray(names),
});
export const adOf = (person: number, index: number, { publishedMs, wantedBy }: { publishedMs: number; wantedBy: string[] }): Ad => ({
  ...{ ad: adId.parse(`ad-${person}-${index}`), source: "s", title: "t", ownerType: "private", noCanvassing: false },
  ...{ publishedMs, wantedBy },
});
const people = fc
  .array(
    fc.record({
      number: fc.integer({ min: 0, max: 9 }),
      ads: fc.array(ad, { minLength: 1, maxLength: 4 }),
      refuses: fc.subarray([...names, "sms", "whatsapp"]),
      quiet: fc.nat(3),
    }),
    { maxLength: 40 },
  )
  .map((all) =>
    all.map(
      ({ number, ads, refuses, quiet }, index): Someone => ({
        person: number === 0 ? undefined : personId.parse(`p${index}`),
        ads: ads.map((each, at) => adOf(index, at, each)),
        refuses: quiet === 0 ? refuses : [],
      }),
    ),
  );

export const huntOf = (name: string, more: Partial<HuntInPlay> = {}): HuntInPlay => ({
  hunt: huntId.parse(name),
  priority: 5,
  routes: senders.slice(0, 1).map((sender) => ({ ...sender, price: 1 })),
  wants: (each) => wantedBy(each).includes(name),
  ...{ left: null, allocatedToday: 0, allocatedInPass: 0, ...more },
});
export const wantedBy = (each: object): readonly string[] =>
  "wantedBy" in each && Array.isArray(each.wantedBy) ? each.wantedBy.map(String) : [];
/** By some of the senders, in any order of preference. */
const routesAt = (priced: Prices): fc.Arbitrary<Route[]> =>
  fc
    .shuffledSubarray(senders, { minLength: 1 })
    .map((chosen) => chosen.map(({ channel, line }) => ({ channel, line, price: priced[channel] })));
const huntsAt = (priced: Prices): fc.Arbitrary<HuntInPlay[]> =>
  fc
    .tuple(
      ...names.map((name) =>
        fc
          .record({
            priority: fc.integer({ min: 1, max: 9 }),
            left: limit,
            allocatedToday: fc.nat(10),
            closed: fc.option(fc.constantFrom("paused", "hunt-error"), { nil: undefined, freq: 8 }),
            routes: routesAt(priced),
          })
          .map((more) => huntOf(name, more)),
      ),
    )
    .map((all) => [...all]);
const capacity: fc.Arbitrary<Capacity> = fc.record({
  account: limit,
  lines: fc
    .tuple(limit, limit, limit, limit)
    .map((left) => new Map(lines.map((line, index): [LineId, number | null] => [line, left[index] ?? null]))),
  credits: fc.nat(30),
  contacts: fc.constantFrom(3, 1000),
});
export const judge: Judge<Someone> = ({ refuses }, { hunt }, { channel }) =>
  refuses.includes(hunt) || refuses.includes(channel) ? { allowed: false, rule: "opted-out", lasting: true } : { allowed: true };
const inputAt = (priced: Prices): fc.Arbitrary<Input> =>
  fc.record({ hunts: huntsAt(priced), candidates: people, capacity, judge: fc.constant(judge) });
/** An account, and what each channel costs there. */
export const pricedInput = prices.chain((priced) => fc.tuple(inputAt(priced), fc.constant(priced)));
export const input: fc.Arbitrary<Input> = pricedInput.map(([given]) => given);
export const inputAtOnePrice: fc.Arbitrary<Input> = onePrice.chain(inputAt);
export const unlimited: Capacity = { account: null, lines: new Map(lines.map((line) => [line, null])), credits: 1000, contacts: 1000 };
