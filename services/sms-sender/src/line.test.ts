import { type ContactId, contactId, type PersonId, personId } from "@outrider/contracts/ids";
import { type LineEvent, lineLimits } from "@outrider/contracts/sms";
import { scenario } from "@outrider/eventing/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Line, leftOn, line } from "./line.ts";

const { given } = scenario(line);
const now = "2026-11-20T10:00:00.000Z";
const day = { date: "2026-11-20", endsAt: "2026-11-20T22:59:59.999Z" };
const opened = (limits: Partial<ReturnType<typeof lineLimits.parse>>) =>
  ({
    type: "LineOpened",
    data: {
      line: "main" as never,
      provider: "smsmobileapi",
      timeZone: "Europe/Paris",
      limits: lineLimits.parse({ minGapMs: 0, jitterMs: 0, recipientsPerDay: null, ...limits }),
    },
  }) as const;
const want = (...names: string[]) => names.map((name) => ({ contact: contactId.parse(`c-${name}`), person: personId.parse(name) }));
const give = (...names: string[]) => ({ type: "GiveTurns", wanted: want(...names), now, ...day, random: names.map(() => 0.5) }) as const;
const turnsGiven = (...turns: ReturnType<typeof turn>[]): LineEvent => ({ type: "TurnsGiven", data: { day: day.date, turns } });
const turn = (name: string, at: string) => ({ contact: `c-${name}` as ContactId, person: name as PersonId, at });

test("no turn without a line", () => given().when(give("ann")).thenRefused("no-such-line"));

test("a line without a gap gives every turn now", () =>
  given(opened({}))
    .when(give("ann", "bob"))
    .then(turnsGiven(turn("ann", now), turn("bob", now))));

test("turns are a gap and its jitter apart, also from the last one given", () => {
  const first = turnsGiven(turn("ann", now));
  given(opened({ minGapMs: 30_000, jitterMs: 10_000 }), first)
    .when(give("bob", "cleo"))
    .then(turnsGiven(turn("bob", "2026-11-20T10:00:35.000Z"), turn("cleo", "2026-11-20T10:01:10.000Z")));
});

test("an open turn is not given twice", () => {
  const first = turnsGiven(turn("ann", now));
  given(opened({}), first).when(give("ann")).thenNothing();
});

test("the day's recipients are people, not messages; a day is a day", () => {
  const used = turnsGiven(turn("ann", now), turn("bob", now));
  const ended = { type: "TurnsEnded", data: { contacts: ["c-ann" as ContactId, "c-bob" as ContactId] } } satisfies LineEvent;
  given(opened({ recipientsPerDay: 2 }), used, ended)
    .when(give("ann", "cleo"))
    .then(turnsGiven(turn("ann", now)), {
      type: "TurnsRefused",
      data: { turns: [{ contact: "c-cleo" as ContactId, rule: "line-daily-limit" }] },
    });
  const { state } = given(opened({ recipientsPerDay: 2 }), used).when(give("ann"));
  expect(leftOn(state, day.date)).toBe(0);
  expect(leftOn(state, "2026-11-21")).toBe(2);
});

test("a line without limits keeps nobody in mind", () => {
  const { state } = given(opened({}), turnsGiven(turn("ann", now), turn("bob", now))).when(give("cleo"));
  expect([...state.day.people, ...state.month.people, ...state.counted]).toEqual([]);
});

test("what would come after the end of the day is not given", () =>
  given(opened({ minGapMs: 13 * 3_600_000 }), turnsGiven(turn("ann", now)))
    .when(give("bob"))
    .then({ type: "TurnsRefused", data: { turns: [{ contact: "c-bob" as ContactId, rule: "line-day-full" }] } }));

test("the very last moment of the day is still of the day", () =>
  given(opened({ minGapMs: Date.parse(day.endsAt) - Date.parse(now) }), turnsGiven(turn("ann", now)))
    .when(give("bob"))
    .then(turnsGiven(turn("bob", day.endsAt))));

test("a turn of another day that is not used takes nobody away from those of today", () => {
  const given = (date: string, at: string): LineEvent => ({ type: "TurnsGiven", data: { day: date, turns: [turn("ann", at)] } });
  const again: LineEvent = {
    type: "TurnsGiven",
    data: { day: "2026-12-01", turns: [{ ...turn("ann", "2026-12-01T10:00:00.000Z"), contact: "c-2" as ContactId }] },
  };
  const ended: LineEvent = { type: "TurnsEnded", data: { contacts: ["c-ann" as ContactId] } };
  // The clock of whoever ends it is far behind.
  const state = [
    opened({ recipientsPerDay: 3, recipientsPerMonth: 9 }),
    given("2026-11-30", "2026-11-30T22:00:00.000Z"),
    again,
    ended,
  ].reduce((before, event) => line.evolve(before, event, now), line.initial());
  expect([leftOn(state, "2026-12-01"), state.day.people.size, state.month.people.size]).toEqual([2, 1, 1]);
});

test("turns that end before their moment, as after a pause, are free again, and nobody counts who was not written to", () => {
  const limits = opened({ minGapMs: 3_600_000, recipientsPerDay: 3 });
  const later = turnsGiven(turn("ann", now), turn("bob", "2026-11-20T11:00:00.000Z"), turn("cleo", "2026-11-20T12:00:00.000Z"));
  const ends = (...names: string[]): LineEvent => ({
    type: "TurnsEnded",
    data: { contacts: want(...names).map(({ contact }) => contact) },
  });
  const state = line.initial();
  for (const event of [limits, later, ends("ann", "cleo")]) line.evolve(state, event, now);
  expect([leftOn(state, day.date), state.lastAt, state.usedAt]).toEqual([1, "2026-11-20T11:00:00.000Z", now]);
  line.evolve(state, ends("bob"), now);
  expect([leftOn(state, day.date), state.lastAt]).toEqual([2, now]);
  // The gap from the one that was used holds, and of three people two are left.
  const decided = line.decide(state, give("bob", "dora", "emil"));
  expect(decided).toMatchObject({
    events: [
      turnsGiven(turn("bob", "2026-11-20T11:00:00.000Z"), turn("dora", "2026-11-20T12:00:00.000Z")),
      { type: "TurnsRefused", data: { turns: [{ contact: "c-emil", rule: "line-daily-limit" }] } },
    ],
  });
});

test("a turn that ended a moment early by another clock was used, and whoever had another turn still counts", () => {
  const soon = "2026-11-20T10:00:00.900Z";
  const ends = (...names: string[]): LineEvent => ({ type: "TurnsEnded", data: { contacts: names.map((name) => contactId.parse(name)) } });
  const again = turnsGiven(turn("ann", soon), { ...turn("ann", "2026-11-20T15:00:00.000Z"), contact: contactId.parse("c-ann2") });
  const state = line.initial();
  for (const event of [opened({ recipientsPerDay: 1 }), again, ends("c-ann", "c-ann2")]) line.evolve(state, event, now);
  expect([leftOn(state, day.date), state.usedAt, state.lastAt]).toEqual([0, soon, soon]);
});

test("what is still asked for the day before, as by a replica whose clock is a little behind, counts for the day that has begun", () => {
  const next = { date: "2026-11-21", endsAt: "2026-11-21T22:59:59.999Z", now: "2026-11-20T23:00:00.010Z" };
  const [limits, first] = [{ recipientsPerDay: 1, recipientsPerMonth: 9 }, turn("ann", next.now)];
  const begun: LineEvent = { type: "TurnsGiven", data: { day: next.date, turns: [first] } };
  const full: LineEvent = { type: "TurnsRefused", data: { turns: [{ contact: "c-bob" as ContactId, rule: "line-daily-limit" }] } };
  given(opened(limits), begun)
    .when({ ...give("bob"), now: "2026-11-20T22:59:59.990Z" })
    .then(full);
  // As an earlier release has written it.
  given(opened(limits), begun, turnsGiven(turn("ann", "2026-11-20T22:59:59.990Z")))
    .when({ ...give("bob"), ...next })
    .then(full);
  // A sandbox's clock that was set back by days begins anew.
  given(opened(limits), { type: "TurnsGiven", data: { day: "2026-12-24", turns: [turn("ann", now)] } })
    .when(give("bob"))
    .then(turnsGiven(turn("bob", now)));
});

test("a paused line gives none, once", () => {
  given(opened({}))
    .when({ type: "Pause", reason: "phone-offline", by: "sms-sender" })
    .then({ type: "LinePaused", data: { reason: "phone-offline", by: "sms-sender" } });
  given(opened({}), { type: "LinePaused", data: { reason: "phone-offline", by: "sms-sender" } })
    .when(give("ann"))
    .then({ type: "TurnsRefused", data: { turns: [{ contact: "c-ann" as ContactId, rule: "line-paused" }] } });
  given(opened({}), { type: "LinePaused", data: { reason: "x", by: "ada" } })
    .when({ type: "Pause", reason: "y", by: "bob", over: "sms-sender" })
    .thenNothing();
});

test("a person's pause is a person's to end: it takes the place of one that ends by itself, and no such end reaches it", () => {
  const [offline, holiday] = [
    { type: "LinePaused", data: { reason: "phone-offline", by: "sms-sender" } },
    { type: "LinePaused", data: { reason: "holiday", by: "ada" } },
  ] as const;
  given(opened({}), offline).when({ type: "Pause", reason: "holiday", by: "ada", over: "sms-sender" }).then(holiday);
  given(opened({}), offline, holiday).when({ type: "Pause", reason: "phone-offline", by: "sms-sender" }).thenNothing();
  const online = { type: "Resume", by: "sms-sender", pausedBy: "sms-sender" } as const;
  given(opened({}), offline, holiday).when(online).thenNothing();
  given(opened({}), offline)
    .when(online)
    .then({ type: "LineResumed", data: { by: "sms-sender" } });
  given(opened({}), offline, holiday)
    .when({ type: "Resume", by: "ada" })
    .then({ type: "LineResumed", data: { by: "ada" } });
});

test("a change of the limits is what it names: what another change has named meanwhile stays", () => {
  const { limits } = opened({ minGapMs: 5000 }).data;
  given(opened({ minGapMs: 30_000 }), { type: "LineLimitsChanged", data: { limits } })
    .when({ type: "ChangeLimits", limits: { recipientsPerDay: 7 } })
    .then({ type: "LineLimitsChanged", data: { limits: { ...limits, recipientsPerDay: 7 } } });
  given(opened({ minGapMs: 5000 }))
    .when({ type: "Open", line: "main" as never, provider: "smsmobileapi", timeZone: "Europe/Paris", limits: { jitterMs: 9 } })
    .then({ type: "LineLimitsChanged", data: { limits: { ...limits, jitterMs: 9 } } });
});

test("never more people than the limits, never closer than the gap, whoever asks in whatever order", () => {
  const ask = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(ask, { maxLength: 20 }), fc.nat(5), fc.nat(60_000), (asks, recipientsPerDay, minGapMs) => {
      let state: Line = line.evolve(line.initial(), opened({ recipientsPerDay, minGapMs }), now);
      const given: { at: string; person: string }[] = [];
      for (const [index, names] of asks.entries()) {
        const wanted = names.map((name, place) => ({
          contact: contactId.parse(`${name}-${index}-${place}`),
          person: personId.parse(name),
        }));
        const decision = line.decide(state, { type: "GiveTurns", wanted, now, ...day, random: wanted.map(() => 0) });
        if (!decision.accepted) throw new Error(decision.refusal);
        for (const event of decision.events as readonly LineEvent[]) {
          if (event.type === "TurnsGiven") given.push(...event.data.turns);
          state = line.evolve(state, event, now);
        }
      }
      expect(new Set(given.map(({ person }) => person)).size).toBeLessThanOrEqual(recipientsPerDay);
      const times = given.map(({ at }) => Date.parse(at));
      for (const [index, at] of times.entries()) if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(minGapMs);
    }),
  );
});

// A fold that copied its collections took 0.4, 2.0 and 9.2 s for 2,500, 5,000 and 10,000 contacts.
test("a fold goes on in its own accumulator: it copies neither the open turns nor the people whom it counts", () => {
  const limits = { recipientsPerDay: 100, recipientsPerMonth: 1000 };
  const state = line.evolve(line.initial(), opened(limits), now);
  // Days and months begin with sets of their own.
  line.evolve(state, turnsGiven(turn("first", now)), now);
  const { open, counted, day: today, month } = state;
  const events: readonly LineEvent[] = [
    turnsGiven(turn("ann", now), turn("bob", now)),
    { type: "TurnsRefused", data: { turns: [{ contact: contactId.parse("c-cleo"), rule: "line-daily-limit" }] } },
    { type: "TurnsEnded", data: { contacts: [contactId.parse("c-ann")] } },
    { type: "LineLimitsChanged", data: { limits: lineLimits.parse(limits) } },
    { type: "LinePaused", data: { reason: "holiday", by: "ada" } },
    { type: "LineResumed", data: { by: "ada" } },
  ];
  for (const event of events) {
    expect(line.evolve(state, event, now), event.type).toBe(state);
    expect(state.open, event.type).toBe(open);
    expect(state.counted, event.type).toBe(counted);
    expect(state.day.people, event.type).toBe(today.people);
    expect(state.month.people, event.type).toBe(month.people);
  }
  expect([...open.keys()]).toEqual(["c-first", "c-bob"]);
  expect([...today.people.keys()]).toEqual(["first", "ann", "bob"]);
});
