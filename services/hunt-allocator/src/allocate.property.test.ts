import { type AdId, adId, huntId, type LineId, lineId, personId } from "@outrider/contracts/ids";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type AllocationInput, allocate } from "./allocate.ts";
import type { Capacity } from "./share.ts";
import type { Candidate, CandidateAd, HuntInPlay, Judge } from "./survey.ts";

interface Someone extends Candidate {
  /** Hunts whose gate says no, by name. */
  readonly refuses: readonly string[];
}
interface Ad extends CandidateAd {
  readonly wantedBy: readonly string[];
}
type Input = AllocationInput<Someone>;

const names = ["h0", "h1", "h2", "h3"];
const lines = ["l0", "l1"].map((line) => lineId.parse(line));
const limit = fc.option(fc.nat(12), { nil: null });

const ad = fc.record({
  publishedMs: fc.nat(40),
  wantedBy: fc.subarray(names),
});
const adOf = (person: number, index: number, { publishedMs, wantedBy }: { publishedMs: number; wantedBy: string[] }): Ad => ({
  ...{ ad: adId.parse(`ad-${person}-${index}`), source: "s", title: "t", ownerType: "private", noCanvassing: false },
  ...{ publishedMs, wantedBy },
});
const people = fc
  .array(
    fc.record({
      number: fc.integer({ min: 0, max: 9 }),
      ads: fc.array(ad, { minLength: 1, maxLength: 4 }),
      refuses: fc.subarray(names),
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

const huntOf = (name: string, more: Partial<HuntInPlay> = {}): HuntInPlay => ({
  hunt: huntId.parse(name),
  priority: 5,
  routes: lines.slice(0, 1).map((line) => ({ channel: "sms" as const, line, price: 1 })),
  wants: (each) => (each as Ad).wantedBy.includes(name),
  ...{ left: null, allocatedToday: 0, allocatedInPass: 0, ...more },
});
const hunts = fc
  .tuple(
    ...names.map((name) =>
      fc
        .record({
          priority: fc.integer({ min: 1, max: 9 }),
          left: limit,
          allocatedToday: fc.nat(10),
          closed: fc.option(fc.constantFrom("paused", "hunt-error"), { nil: undefined, freq: 8 }),
          routes: fc.subarray(lines, { minLength: 1 }),
        })
        .map(({ routes, ...more }) => huntOf(name, { ...more, routes: routes.map((line) => ({ channel: "sms", line, price: 1 })) })),
    ),
  )
  .map((all) => [...all]);
const capacity: fc.Arbitrary<Capacity> = fc.record({
  account: limit,
  lines: fc.tuple(limit, limit).map((left) => new Map(lines.map((line, index): [LineId, number | null] => [line, left[index] ?? null]))),
  credits: fc.nat(30),
  contacts: fc.constantFrom(3, 1000),
});
const judge: Judge<Someone> = ({ refuses }, { hunt }) =>
  refuses.includes(hunt) ? { allowed: false, rule: "opted-out", lasting: true } : { allowed: true };
const input: fc.Arbitrary<Input> = fc.record({ hunts, candidates: people, capacity, judge: fc.constant(judge) });
const unlimited: Capacity = { account: null, lines: new Map(lines.map((line) => [line, null])), credits: 1000, contacts: 1000 };

const check = (what: (given: Input) => void, of: fc.Arbitrary<Input> = input): void => fc.assert(fc.property(of, what), { numRuns: 400 });
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((one, other) => one + other, 0);
const by = (given: Input, name: string) => allocate(given).rows.filter(({ hunt }) => hunt === name);

test("limits of account, hunt, line, credits and pass are never exceeded", () => {
  check((given) => {
    const { rows, credits } = allocate(given);
    expect(rows.length).toBeLessThanOrEqual(given.capacity.account ?? Number.POSITIVE_INFINITY);
    expect(rows.length).toBeLessThanOrEqual(given.capacity.contacts);
    expect(credits).toBe(sum(rows.map(({ price }) => price)));
    expect(credits).toBeLessThanOrEqual(given.capacity.credits);
    for (const [line, left] of given.capacity.lines) {
      expect(rows.filter((row) => row.line === line).length).toBeLessThanOrEqual(left ?? Number.POSITIVE_INFINITY);
    }
    for (const { hunt, left } of given.hunts) {
      expect(rows.filter((row) => row.hunt === hunt).length).toBeLessThanOrEqual(left ?? Number.POSITIVE_INFINITY);
    }
  });
});

test("found = allocated + all skipped, for each hunt; and found counts every pair that matches", () => {
  check((given) => {
    const { rows, tallies } = allocate(given);
    for (const { hunt, found, allocated, skipped } of tallies) {
      const pairs = [...given.candidates].flatMap(({ ads }) => ads).filter((each) => (each as Ad).wantedBy.includes(hunt));
      expect(found).toBe(pairs.length);
      expect(found).toBe(allocated + sum(Object.values(skipped)));
      expect(allocated).toBe(rows.filter((row) => row.hunt === hunt).length);
      expect(Math.min(0, ...Object.values(skipped))).toBe(0);
    }
  });
});

test("nobody is written to twice, without a number, against the gate, or by a closed hunt", () => {
  check((given) => {
    const { rows } = allocate(given);
    expect(new Set(rows.map(({ person }) => person)).size).toBe(rows.length);
    const known = new Map([...given.candidates].map((each) => [each.person, each]));
    for (const { person, hunt } of rows) {
      expect(known.get(person)?.refuses).not.toContain(hunt);
      expect(given.hunts.find((each) => each.hunt === hunt)?.closed).toBeUndefined();
    }
  });
});

test("a hunt writes about the newest matching ad of a person, and to the people with the newest ads first", () => {
  check((given) => {
    const { rows } = allocate(given);
    const ads = new Map<AdId, CandidateAd>([...given.candidates].flatMap((each) => each.ads.map((one) => [one.ad, one] as const)));
    for (const { hunt } of given.hunts) {
      const own = rows.filter((row) => row.hunt === hunt).map((row) => ({ row, about: ads.get(row.ad) }));
      for (const [index, { row, about }] of own.entries()) {
        const theirs = [...given.candidates].find(({ person }) => person === row.person)?.ads ?? [];
        const newest = Math.max(...theirs.filter((each) => (each as Ad).wantedBy.includes(hunt)).map(({ publishedMs }) => publishedMs));
        expect(about?.publishedMs).toBe(newest);
        const next = own[index + 1]?.about;
        if (next !== undefined) expect(next.publishedMs).toBeLessThanOrEqual(newest);
      }
    }
  });
});

test("the same input gives the same answer, in whatever order hunts and candidates come", () => {
  check((given) => {
    const turned = { ...given, hunts: [...given.hunts].toReversed(), candidates: [...given.candidates].toReversed() };
    const { denials: _, ...once } = allocate(given);
    const { denials: __, ...again } = allocate(turned);
    expect(again).toEqual(once);
  });
});

test("capacity is used up: who could still be written to is skipped for a limit that is reached", () => {
  check((given) => {
    const { rows, tallies } = allocate(given);
    for (const { hunt, skipped } of tallies) {
      const play = given.hunts.find((each) => each.hunt === hunt);
      const own = rows.filter((row) => row.hunt === hunt).length;
      if (skipped["hunt-daily-limit"]) expect(own).toBe(play?.left);
      if (skipped["account-daily-limit"]) expect(rows.length).toBe(given.capacity.account);
      if (skipped["no-credits"]) expect(rows.length).toBe(given.capacity.credits);
      if (skipped["pass-limit"]) expect(rows.length).toBe(given.capacity.contacts);
      if (skipped["line-daily-limit"]) {
        for (const { line } of play?.routes ?? []) {
          expect(rows.filter((row) => row.line === line).length).toBe(given.capacity.lines.get(line));
        }
      }
    }
  });
});

test("more credits or more for the account never mean fewer contacts", () => {
  check((given) => {
    const { capacity: had } = given;
    const before = allocate(given).rows.length;
    expect(allocate({ ...given, capacity: { ...had, credits: had.credits + 1 } }).rows.length).toBeGreaterThanOrEqual(before);
    const account = had.account === null ? null : had.account + 1;
    expect(allocate({ ...given, capacity: { ...had, account } }).rows.length).toBeGreaterThanOrEqual(before);
  });
});

test("a denial is told once, and not again while the same rule was recorded last", () => {
  check((given) => {
    const { denials } = allocate(given);
    const keys = denials.map(({ person, hunt }) => `${person} ${hunt}`);
    expect(new Set(keys).size).toBe(keys.length);
    const recorded = [...given.candidates].map((each) => ({
      ...each,
      denied: Object.fromEntries(denials.filter(({ person }) => person === each.person).map(({ hunt, rule }) => [hunt, rule])),
    }));
    expect(allocate({ ...given, candidates: recorded }).denials).toEqual([]);
  });
});

/** Each hunt has people of its own, so that only the sharing out decides. */
const apart = fc
  .record({
    demand: fc.tuple(fc.nat(15), fc.nat(15), fc.nat(15), fc.nat(15)),
    priorities: fc.tuple(...names.map(() => fc.integer({ min: 1, max: 9 }))),
    account: fc.nat(40),
  })
  .map(({ demand, priorities, account }) => ({
    demand,
    priorities,
    given: {
      judge,
      capacity: { ...unlimited, account },
      hunts: names.map((name, index) => huntOf(name, { priority: priorities[index] ?? 1 })),
      candidates: names.flatMap((name, index) =>
        Array.from(
          { length: demand[index] ?? 0 },
          (_, at): Someone => ({
            person: personId.parse(`${name}-${at}`),
            ads: [adOf(index * 100 + at, 0, { publishedMs: at, wantedBy: [name] })],
            refuses: [],
          }),
        ),
      ),
    } satisfies Input,
  }));

test("no hunt starves: each gets at least its share by priority, rounded down, or all that it has", () => {
  fc.assert(
    fc.property(apart, ({ given, demand, priorities }) => {
      const weights = sum(priorities);
      for (const [index, name] of names.entries()) {
        const floor = Math.floor(((given.capacity.account ?? 0) * (priorities[index] ?? 0)) / weights);
        expect(by(given, name).length).toBeGreaterThanOrEqual(Math.min(floor, demand[index] ?? 0));
      }
    }),
  );
});

test("hunts of equal priority differ by at most one while both have somebody left", () => {
  fc.assert(
    fc.property(apart, fc.integer({ min: 1, max: 9 }), ({ given, demand }, priority) => {
      const equal = { ...given, hunts: given.hunts.map((hunt) => ({ ...hunt, priority })) };
      const got = names.map((name, index) => ({ count: by(equal, name).length, demand: demand[index] ?? 0 }));
      for (const one of got.filter(({ count, demand: had }) => count < had)) {
        for (const other of got) expect(other.count).toBeLessThanOrEqual(one.count + 1);
      }
    }),
  );
});

test("a second pass goes on where the first one stopped: together they share out the day as one would have", () => {
  fc.assert(
    fc.property(apart, fc.nat(40), ({ given }, first) => {
      const whole = allocate(given);
      const cut = Math.min(first, given.capacity.account ?? 0);
      const one = allocate({ ...given, capacity: { ...given.capacity, account: cut } });
      const reached = new Set(one.rows.map(({ person }) => person));
      const two = allocate({
        ...given,
        capacity: { ...given.capacity, account: (given.capacity.account ?? 0) - cut },
        hunts: given.hunts.map((hunt) => ({ ...hunt, allocatedToday: one.rows.filter((row) => row.hunt === hunt.hunt).length })),
        candidates: given.candidates.filter(({ person }) => person === undefined || !reached.has(person)),
      });
      expect([...one.rows, ...two.rows]).toEqual(whole.rows);
    }),
  );
});

test("a pass that was interrupted counts what it had allocated as its own, and gives those people to nobody else", () => {
  check((given) => {
    const whole = allocate(given);
    const before = whole.rows.slice(0, Math.floor(whole.rows.length / 2));
    const owner = new Map(before.map(({ person, hunt }) => [person, hunt]));
    const after = allocate({
      ...given,
      candidates: [...given.candidates].map((each) => ({
        ...each,
        allocatedBy: each.person === undefined ? undefined : owner.get(each.person),
      })),
      hunts: given.hunts.map((hunt) => ({ ...hunt, allocatedInPass: before.filter((row) => row.hunt === hunt.hunt).length })),
    });
    for (const { person } of after.rows) expect(owner.has(person)).toBe(false);
    for (const { hunt, found, allocated, skipped } of after.tallies) {
      expect(found).toBe(allocated + sum(Object.values(skipped)));
      expect(found).toBe(whole.tallies.find((each) => each.hunt === hunt)?.found);
      expect(allocated).toBe([...before, ...after.rows].filter((row) => row.hunt === hunt).length);
    }
  });
});
