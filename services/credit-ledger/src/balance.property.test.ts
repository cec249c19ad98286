import { contactId } from "@outrider/contracts/ids";
import { type LedgerEvent, ledgerCodec } from "@outrider/contracts/ledger";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Balance, type BalanceCommand, balance } from "./balance.ts";

const at = "2026-11-20T10:00:00.000Z";
const reservation = fc.constantFrom("r1", "r2", "r3", "r4");
const outcome = fc.record({
  seq: fc.integer({ min: 1, max: 60 }),
  reservation,
  credits: fc.integer({ min: 0, max: 12 }),
  kind: fc.constantFrom("captured" as const, "released" as const, "refunded" as const),
  because: fc.constant("ContactAccepted"),
});
const moment = fc.constantFrom("2026-11-20T10:00:01.000Z", "2026-11-20T10:00:02.000Z", "2026-11-20T10:00:03.000Z");
const lowBelow = fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined });
const command: fc.Arbitrary<BalanceCommand> = fc.oneof(
  fc.record({
    type: fc.constant("Grant" as const),
    grant: fc.constantFrom("g1", "g2", "g3"),
    credits: fc.integer({ min: 1, max: 40 }),
    by: fc.constant("ops"),
    expiresAt: fc.option(fc.constantFrom("2026-11-20T10:00:01.000Z", "2026-11-20T10:00:02.000Z"), { nil: undefined }),
    now: fc.constant("2026-11-20T10:00:00.000Z"),
  }),
  fc.record({
    type: fc.constant("Expire" as const),
    grant: fc.constantFrom("g1", "g2", "g3"),
    now: fc.constantFrom("2026-11-20T10:00:01.000Z", "2026-11-20T10:00:03.000Z"),
    lowBelow,
  }),
  fc.record({
    type: fc.constant("Reserve" as const),
    reservation,
    number: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    most: fc.integer({ min: 1, max: 20 }),
    atLeast: fc.integer({ min: 1, max: 3 }),
    purpose: fc.constant("pass" as const),
  }),
  fc.record({
    type: fc.constant("Reserve" as const),
    reservation,
    most: fc.constant(2),
    atLeast: fc.constant(1),
    purpose: fc.constant("request" as const),
    awaits: fc.record({ contact: fc.constant(contactId.parse("c")), until: moment }),
  }),
  fc.record({
    type: fc.constant("Check" as const),
    before: moment,
    found: fc.uniqueArray(fc.record({ reservation, taken: fc.boolean() }), { maxLength: 3, selector: (each) => each.reservation }),
  }),
  fc.record({
    type: fc.constant("Settle" as const),
    stream: fc.constantFrom("SMS", "HUNTS"),
    outcomes: fc.array(outcome, { maxLength: 6 }).map((all) => all.toSorted((one, other) => one.seq - other.seq)),
    lowBelow,
  }),
);

const folded = (state: Balance, events: readonly LedgerEvent[]): Balance =>
  events.reduce((before, event) => balance.evolve(before, event, at), state);

/** What a restart at a closing event sees: the state as bytes and back. */
const reopened = (state: Balance): Balance => {
  const closing = balance.closing?.event(state, []);
  const stored = ledgerCodec.decode(ledgerCodec.encode(at, closing === undefined ? [] : [closing]));
  return folded(balance.initial(), stored.kind === "events" ? stored.events : []);
};

test("grant, reserve, capture, release, refund and expire, in whatever order: credits add up and no balance is ever negative", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      let state = balance.initial();
      for (const asked of commands) {
        const decision = balance.decide(state, asked);
        if (!decision.accepted) continue;
        state = folded(state, decision.events);
        const { granted, expired, captured, released, refunded, available, held } = state;
        expect(available + held + captured - refunded).toBe(granted - expired);
        expect(Math.min(granted, expired, captured, released, refunded, available, held)).toBeGreaterThanOrEqual(0);
        expect([...state.open.values()].reduce((sum, { left }) => sum + left, 0)).toBe(held);
        expect([...state.expiring.values()].reduce((sum, { left }) => sum + left, 0)).toBeLessThanOrEqual(available + held);
        const again = balance.decide(state, asked);
        expect(again.accepted ? again.events : []).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

test("exactly once after a crash, too: a fold that begins at a closing event decides as one that begins at the first message", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), fc.nat(40), (commands, closeAt) => {
      let whole = balance.initial();
      let closed = balance.initial();
      for (const [index, asked] of commands.entries()) {
        if (index === closeAt) closed = reopened(closed);
        const decision = balance.decide(whole, asked);
        expect(balance.decide(closed, asked)).toEqual(decision);
        if (!decision.accepted) continue;
        whole = folded(whole, decision.events);
        closed = folded(closed, decision.events);
      }
      expect(closed).toEqual(whole);
    }),
  );
});

test("exactly once: an outcome counts once, however the batches of a stream are cut and repeated", () => {
  const cuts = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1, maxLength: 30 }), cuts, (unordered, windows) => {
      const outcomes = unordered.map((each, index) => ({ ...each, seq: index + 1 }));
      const opening = folded(balance.initial(), [
        { type: "CreditsGranted", data: { grant: "g", credits: 200, by: "ops" } },
        { type: "CreditsReserved", data: { reservation: "r1", credits: 60, purpose: "request" } },
        { type: "CreditsReserved", data: { reservation: "r2", credits: 60, purpose: "request" } },
      ]);
      const run = (state: Balance, batches: readonly (readonly (typeof outcomes)[number][])[]): Balance =>
        batches.reduce((before, batch) => {
          const decision = balance.decide(before, { type: "Settle", stream: "SMS", outcomes: batch });
          return decision.accepted ? folded(before, decision.events) : before;
        }, state);
      const clean = run(structuredClone(opening), [outcomes]);
      // A reader that restarts goes back to any earlier place, never ahead of where it was.
      let reached = 0;
      const batches = windows.map(([back, length]) => {
        const from = Math.max(0, reached - back);
        const batch = outcomes.slice(from, from + length);
        reached = Math.max(reached, from + batch.length);
        return batch;
      });
      expect(run(structuredClone(opening), [...batches, outcomes.slice(reached)])).toEqual(clean);
    }),
  );
});

/** Every decision of a story of commands, with the state before it. */
const decisions = (commands: readonly BalanceCommand[]): { before: Balance; events: readonly LedgerEvent[]; asked: BalanceCommand }[] => {
  let state = balance.initial();
  return commands.flatMap((asked) => {
    const decision = balance.decide(state, asked);
    if (!decision.accepted) return [];
    const before = structuredClone(state);
    state = folded(state, decision.events);
    return [{ before, events: decision.events, asked }];
  });
};
const story = fc.array(command, { maxLength: 60 });

test("a reservation holds no more than is available, and no more than was asked for", () => {
  fc.assert(
    fc.property(story, (commands) => {
      for (const { before, events, asked } of decisions(commands)) {
        const [event] = events;
        if (asked.type !== "Reserve" || event?.type !== "CreditsReserved") continue;
        expect(event.data.credits).toBeLessThanOrEqual(Math.min(before.available, asked.most));
        expect(event.data.credits).toBeGreaterThanOrEqual(Math.min(asked.atLeast, asked.most));
      }
    }),
  );
});

test("a grant expires once, by no more than it was, and never what is held or spent", () => {
  fc.assert(
    fc.property(story, (commands) => {
      const granted = new Map<string, number>();
      const gone = new Set<string>();
      for (const { before, events } of decisions(commands)) {
        for (const event of events) {
          if (event.type === "CreditsGranted") granted.set(event.data.grant, event.data.credits);
          if (event.type !== "CreditsExpired") continue;
          const { grant, credits } = event.data;
          expect(gone.has(grant)).toBe(false);
          gone.add(grant);
          expect(credits).toBeLessThanOrEqual(Math.min(granted.get(grant) ?? 0, before.available));
        }
      }
    }),
  );
});

test("the statement names the cause of every line: the grant, the reservation, or the message that settled it", () => {
  fc.assert(
    fc.property(story, (commands) => {
      for (const { before, events, asked } of decisions(commands)) {
        const sums = ({ available, held }: Balance): string => `${available} ${held}`;
        const causes = events.flatMap((event) => {
          if (event.type === "CreditsGranted" || event.type === "CreditsExpired") return [event.data.grant];
          if (event.type === "CreditsReserved") return [event.data.reservation];
          if (event.type === "ReservationsChecked") return event.data.released.map(({ reservation }) => reservation);
          return event.type === "OutcomesSettled" ? event.data.outcomes.map(({ because, seq }) => `${because} ${seq}`) : [];
        });
        if (sums(folded(structuredClone(before), events)) !== sums(before)) expect([asked.type, ...causes].length).toBeGreaterThan(1);
        for (const cause of causes) expect(cause).toMatch(/\S/);
      }
    }),
  );
});

test("a low balance is told when what is unspent is below the mark, and again only after it was above", () => {
  fc.assert(
    fc.property(story, (commands) => {
      for (const { before, events, asked } of decisions(commands)) {
        const told = events.find((event) => event.type === "BalanceLow");
        const mark = asked.type === "Settle" || asked.type === "Expire" ? asked.lowBelow : undefined;
        const after = folded(structuredClone(before), events);
        const isLow = events.length > 0 && mark !== undefined && after.available + after.held < mark;
        expect(told !== undefined).toBe(isLow && before.below === undefined);
        if (told !== undefined) expect(told.data).toEqual({ available: after.available, held: after.held, below: mark });
        if (after.below !== undefined) expect(after.available + after.held).toBeLessThan(after.below);
      }
    }),
  );
});
