import { contactId, personId } from "@outrider/contracts/ids";
import { type LineEvent, type LineLimits, lineLimits } from "@outrider/contracts/sms";
import { scenario } from "@outrider/eventing/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Line, line } from "./line.ts";
import { isMissed } from "./turns.ts";

const { given } = scenario(line);
const window = { from: "2026-11-20T07:00:00.000Z", to: "2026-11-20T19:00:00.000Z" };
const day = { date: "2026-11-20", endsAt: "2026-11-20T22:59:59.999Z" };
const spreading = (more: Partial<LineLimits> = {}) => lineLimits.parse({ minGapMs: 30_000, jitterMs: 0, spread: true, ...more });
const opened = (limits: LineLimits) =>
  ({ type: "LineOpened", data: { line: "main" as never, provider: "smsmobileapi", timeZone: "Europe/Paris", limits } }) as const;
const want = (...names: string[]) => names.map((name) => ({ contact: contactId.parse(`c-${name}`), person: personId.parse(name) }));
const names = (count: number, prefix = "p") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** Gives turns and answers when they are. */
const giving = (state: Line, wanted: readonly string[], now: string, more: { random?: () => number; soon?: boolean } = {}): number[] => {
  const { random = () => 0.5, soon = false } = more;
  const decision = line.decide(state, {
    ...{ type: "GiveTurns", wanted: want(...wanted), now, ...day, window, soon },
    random: wanted.map(random),
  });
  if (!decision.accepted) throw new Error(decision.refusal);
  for (const event of decision.events) line.evolve(state, event, now);
  return decision.events.flatMap((event: LineEvent) =>
    event.type === "TurnsGiven" ? event.data.turns.map(({ at }) => Date.parse(at)) : [],
  );
};
const fresh = (limits: LineLimits, now = "2026-11-20T07:00:00.000Z"): Line => line.evolve(line.initial(), opened(limits), now);
const minutes = (times: readonly number[]) => times.map((at) => Math.round((at - Date.parse(window.from)) / 60_000));

describe("a line that spreads", () => {
  test("shares what is left of its lawful hours among those who may still be written to today", () => {
    const times = minutes(giving(fresh(spreading({ recipientsPerDay: 11 })), names(11), "2026-11-20T07:00:00.000Z"));
    // Twelve hours and eleven people: the first at once, then about an hour each.
    expect(times[0]).toBe(0);
    for (const [index, at] of times.entries()) if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThan(45);
    expect(times.at(-1)).toBeGreaterThan(10 * 60);
    expect(times.at(-1)).toBeLessThan(12 * 60);
  });
  test("gives those of a later pass the rest of the day, and waits for the hours to begin", () => {
    const state = fresh(spreading({ recipientsPerDay: 20 }));
    const early = giving(state, names(10), "2026-11-20T05:00:00.000Z");
    expect(minutes(early)[0]).toBe(0);
    const later = giving(state, names(10, "q"), "2026-11-20T08:00:00.000Z");
    expect(Math.min(...later)).toBeGreaterThan(Math.max(...early));
    expect(Math.max(...later)).toBeLessThan(Date.parse(window.to));
  });
  test("puts an answer in between, at the least gap from its neighbours and from what was just sent", () => {
    const state = fresh(spreading({ recipientsPerDay: 12 }));
    const times = giving(state, names(11), "2026-11-20T07:00:00.000Z");
    line.evolve(state, { type: "TurnsEnded", data: { contacts: [contactId.parse("c-p0")] } }, "2026-11-20T07:00:05.000Z");
    const [answer] = giving(state, ["answer"], "2026-11-20T07:00:10.000Z", { soon: true });
    expect(answer).toBe(Date.parse("2026-11-20T07:00:30.000Z"));
    expect(answer).toBeLessThan(times[1] ?? 0);
  });
  test("keeps the least gap when the day has too little room", () => {
    const state = fresh(spreading({ recipientsPerDay: 1000, minGapMs: 60_000 }));
    const times = giving(state, names(100), "2026-11-20T18:00:00.000Z");
    for (const [index, at] of times.entries()) if (index > 0) expect(at - (times[index - 1] ?? 0)).toBe(60_000);
  });
  test("needs a limit to share its day by, and a least gap", () => {
    const limits = spreading({ recipientsPerDay: null });
    const open = { type: "Open", line: "main" as never, provider: "smsmobileapi", timeZone: "Europe/Paris", limits } as const;
    given().when(open).thenRefused("nothing-to-spread");
    given()
      .when({ ...open, limits: spreading({ minGapMs: 0 }) })
      .thenRefused("nothing-to-spread");
    given(opened(spreading())).when({ type: "ChangeLimits", limits }).thenRefused("nothing-to-spread");
    given(opened(spreading({ recipientsPerDay: null, recipientsPerMonth: 9, spread: false })))
      .when({ type: "ChangeLimits", limits: { ...limits, recipientsPerMonth: 9 } })
      .then({ type: "LineLimitsChanged", data: { limits: { ...limits, recipientsPerMonth: 9 } } });
  });
  test("without lawful hours that day does as any other line", () => {
    const command = { type: "GiveTurns", wanted: want("ann", "bob"), now: "2026-11-20T10:00:00.000Z", ...day, random: [0, 0] } as const;
    const turns = command.wanted.map((wanted, index) => ({ ...wanted, at: `2026-11-20T10:00:${index === 0 ? "00" : "30"}.000Z` }));
    given(opened(spreading()))
      .when(command)
      .then({ type: "TurnsGiven", data: { day: day.date, turns } });
  });
});

test("whoever asks when: never closer than the gap, and never more than the limit", () => {
  const asking = fc.record({ count: fc.integer({ min: 1, max: 12 }), soon: fc.boolean(), afterMs: fc.nat(3_600_000) });
  fc.assert(
    fc.property(
      fc.array(asking, { minLength: 1, maxLength: 10 }),
      fc.integer({ min: 1, max: 60 }),
      fc.nat(120_000),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      (askings, recipientsPerDay, minGapMs, dice) => {
        const state = fresh(spreading({ recipientsPerDay, minGapMs }));
        const all: number[] = [];
        let now = Date.parse(window.from);
        for (const [index, { count, soon, afterMs }] of askings.entries()) {
          const random = () => dice.next().value ?? 0;
          all.push(...giving(state, names(count, `n${index}-`), new Date(now).toISOString(), { soon, random }));
          now = Math.min(now + afterMs, Date.parse(window.to));
        }
        expect(all.length).toBeLessThanOrEqual(recipientsPerDay);
        const times = all.toSorted((one, other) => one - other);
        for (const [index, at] of times.entries()) if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(minGapMs);
      },
    ),
  );
});

test("a full day asked for at once uses most of the day and ends inside its hours, whatever the dice", () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 200 }), fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (count, dice) => {
      const state = fresh(spreading({ recipientsPerDay: count, minGapMs: 1000 }));
      const times = giving(state, names(count), window.from, { random: () => dice.next().value ?? 0 });
      const last = ((times.at(-1) ?? 0) - Date.parse(window.from)) / (Date.parse(window.to) - Date.parse(window.from));
      expect(times).toHaveLength(count);
      expect(last).toBeLessThan(1);
      expect(last).toBeGreaterThan(0.5);
    }),
  );
});

test("a turn that was missed is one on a line that spreads, whatever its gap", () => {
  const at = "2026-11-20T08:00:00.000Z";
  const later = Date.parse("2026-11-20T10:00:00.000Z");
  expect(isMissed(spreading({ minGapMs: 0 }), at, later)).toBe(true);
  expect(isMissed(spreading({ minGapMs: 0, spread: false }), at, later)).toBe(false);
});
