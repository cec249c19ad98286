import { type AdId, personId } from "@outrider/contracts/ids";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocate } from "./allocate.ts";
import type { CandidateAd } from "./survey.ts";
import {
  adOf,
  huntOf,
  type Input,
  input,
  inputAtOnePrice,
  judge,
  names,
  pricedInput,
  type Someone,
  unlimited,
  wantedBy,
} from "./testing-allocations.ts";

const check = (what: (given: Input) => void, of: fc.Arbitrary<Input> = input): void => {
  const property = fc.property(of, (given) => {
    what(given);
  });
  fc.assert(property, { numRuns: 400 });
};
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((one, other) => one + other, 0);
const by = (given: Input, name: string) => allocate(given).rows.filter(({ hunt }) => hunt === name);

const most = (left: number | null | undefined): number => left ?? Number.POSITIVE_INFINITY;

describe("limits are never exceeded", () => {
  test("per account", () => check((given) => expect(allocate(given).rows.length).toBeLessThanOrEqual(most(given.capacity.account))));

  test("per hunt", () =>
    check((given) => {
      for (const { hunt, left } of given.hunts) expect(by(given, hunt).length).toBeLessThanOrEqual(most(left));
    }));

  test("per sender and channel; and one whose channel a hunt does not use sends nothing for it", () =>
    check((given) => {
      const { rows } = allocate(given);
      for (const [line, left] of given.capacity.lines)
        expect(rows.filter((row) => row.line === line).length).toBeLessThanOrEqual(most(left));
      for (const { hunt, channel, line, price } of rows) {
        expect(given.hunts.find((each) => each.hunt === hunt)?.routes).toContainEqual({ channel, line, price });
      }
    }));

  test("credits: what the rows cost together is no more than there is", () =>
    check((given) => expect(sum(allocate(given).rows.map(({ price }) => price))).toBeLessThanOrEqual(given.capacity.credits)));

  test("contacts of one pass", () => check((given) => expect(allocate(given).rows.length).toBeLessThanOrEqual(given.capacity.contacts)));
});

test("price per channel: every row costs what its channel does, and the pass what its rows cost", () => {
  fc.assert(
    fc.property(pricedInput, ([given, priced]) => {
      const { rows, credits } = allocate(given);
      for (const { channel, price } of rows) expect(price).toBe(channel === "call" ? undefined : priced[channel]);
      expect(credits).toBe(sum(rows.map(({ price }) => price)));
    }),
  );
});

test("found = allocated + all skipped, for each hunt; and found counts every pair that matches", () => {
  check((given) => {
    const { rows, tallies } = allocate(given);
    for (const { hunt, found, allocated, skipped } of tallies) {
      const pairs = [...given.candidates].flatMap(({ ads }) => ads).filter((each) => wantedBy(each).includes(hunt));
      expect(found).toBe(pairs.length);
      expect(found).toBe(allocated + sum(Object.values(skipped)));
      expect(allocated).toBe(rows.filter((row) => row.hunt === hunt).length);
      expect(Math.min(0, ...Object.values(skipped))).toBe(0);
    }
  });
});

test("a person with several ads, wanted by several hunts, is written to once; nobody without a number, against the gate, or by a closed hunt", () => {
  check((given) => {
    const { rows } = allocate(given);
    expect(new Set(rows.map(({ person }) => person)).size).toBe(rows.length);
    const known = new Map([...given.candidates].map((each) => [each.person, each]));
    for (const { person, hunt, channel } of rows) {
      expect(known.get(person)?.refuses).not.toContain(hunt);
      expect(known.get(person)?.refuses).not.toContain(channel);
      expect(given.hunts.find((each) => each.hunt === hunt)?.closed).toBeUndefined();
    }
  });
});

test("newest ads first: a hunt writes about a person's newest matching ad, and to the people with the newest ads first", () => {
  check((given) => {
    const { rows } = allocate(given);
    const ads = new Map<AdId, CandidateAd>([...given.candidates].flatMap((each) => each.ads.map((one) => [one.ad, one] as const)));
    for (const { hunt } of given.hunts) {
      const own = rows.filter((row) => row.hunt === hunt).map((row) => ({ row, about: ads.get(row.ad) }));
      for (const [index, { row, about }] of own.entries()) {
        const theirs = [...given.candidates].find(({ person }) => person === row.person)?.ads ?? [];
        const newest = Math.max(...theirs.filter((each) => wantedBy(each).includes(hunt)).map(({ publishedMs }) => publishedMs));
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
    const { rows, credits, tallies } = allocate(given);
    for (const { hunt, skipped } of tallies) {
      const play = given.hunts.find((each) => each.hunt === hunt);
      const own = rows.filter((row) => row.hunt === hunt).length;
      if (skipped["hunt-daily-limit"]) expect(own).toBe(play?.left);
      if (skipped["account-daily-limit"]) expect(rows.length).toBe(given.capacity.account);
      const routes = play?.routes ?? [];
      if (skipped["no-credits"]) expect(given.capacity.credits - credits).toBeLessThan(Math.max(...routes.map(({ price }) => price)));
      if (skipped["pass-limit"]) expect(rows.length).toBe(given.capacity.contacts);
      if (skipped["line-daily-limit"]) {
        const used = ({ line }: { line: string }): number => rows.filter((row) => row.line === line).length;
        expect(routes.some((route) => used(route) === given.capacity.lines.get(route.line))).toBe(true);
      }
    }
  });
});

test("more for the account never means fewer contacts; nor do more credits, where all channels cost the same", () => {
  check((given) => {
    const account = given.capacity.account === null ? null : given.capacity.account + 1;
    const more = { ...given, capacity: { ...given.capacity, account } };
    expect(allocate(more).rows.length).toBeGreaterThanOrEqual(allocate(given).rows.length);
  });
  // At different prices one more credit may buy one dear message instead of two cheap ones: the hunt's order of preference comes first.
  check((given) => {
    const more = { ...given, capacity: { ...given.capacity, credits: given.capacity.credits + 1 } };
    expect(allocate(more).rows.length).toBeGreaterThanOrEqual(allocate(given).rows.length);
  }, inputAtOnePrice);
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

test("capacity is shared by priority and no hunt starves: each gets at least its share, rounded down, or all that it has", () => {
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
