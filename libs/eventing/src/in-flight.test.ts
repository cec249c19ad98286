import fc from "fast-check";
import { expect, test } from "vitest";
import { inFlightOf } from "./in-flight.ts";

test("each gets back what it left under its own number, whatever comes and goes meanwhile", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(9), { maxLength: 100 }), (places, moves) => {
      const inFlight = inFlightOf<string>(places);
      const there = new Map<number, string>();
      const gone: number[] = [];
      for (const [step, move] of moves.entries()) {
        const leaving = [...there.keys()][move % 5];
        if (move < 5 && there.size < places) {
          const id = inFlight.enter(`w${step}`);
          expect(there.has(id) || gone.includes(id)).toBe(false);
          there.set(id, `w${step}`);
        } else if (leaving !== undefined) {
          expect(inFlight.leave(leaving)).toBe(there.get(leaving));
          there.delete(leaving);
          gone.push(leaving);
        }
        expect(inFlight.size()).toBe(there.size);
        expect(new Set(inFlight.which(() => true))).toEqual(new Set(there.keys()));
        for (const id of gone) expect(inFlight.leave(id)).toBeUndefined();
      }
    }),
  );
});

test("a late answer does not take the place of whoever has it now", () => {
  const inFlight = inFlightOf<string>(1);
  const early = inFlight.enter("early");
  inFlight.leave(early);
  const now = inFlight.enter("now");
  expect(inFlight.leave(early)).toBeUndefined();
  expect(inFlight.leave(now)).toBe("now");
});

test("one that stays long is passed over, and a full house lets nobody in", () => {
  const inFlight = inFlightOf<string>(2);
  const long = inFlight.enter("long");
  for (let n = 0; n < 5; n++) inFlight.leave(inFlight.enter("short"));
  inFlight.enter("last");
  expect(() => inFlight.enter("one more")).toThrow(RangeError);
  expect(inFlight.which((who) => who === "long")).toEqual([long]);
});

test("nobody is there under what is not a number", () => expect(inFlightOf(2).leave(Number.NaN)).toBeUndefined());
