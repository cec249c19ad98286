import { checkedAtOnce, type LedgerEvent } from "@outrider/contracts/ledger";
import { describe, test } from "vitest";
import { asked, asker, checked, given, granted, later, outcome, prolonged, reserved, settled, until } from "./testing-balance.ts";

const reserve = (reservation: string, most: number, more: { number?: number; atLeast?: number } = {}) =>
  ({ type: "Reserve", reservation, most, atLeast: 1, purpose: "pass", ...more }) as const;

describe("reserving", () => {
  test("holds up to what is asked", () =>
    given(granted)
      .when(reserve("pass-1", 8, { number: 1 }))
      .then(reserved));

  test("holds no more than there is", () =>
    given(granted, reserved)
      .when(reserve("pass-2", 7, { number: 2 }))
      .then({ type: "CreditsReserved", data: { reservation: "pass-2", number: 2, credits: 2, purpose: "pass" } }));

  test("refuses when nothing is left, or less than the least that helps", () => {
    given().when(reserve("pass-1", 1)).thenRefused("no-credits");
    given()
      .when(reserve("pass-1", 1, { atLeast: 0 }))
      .thenRefused("no-credits");
    given(granted, reserved)
      .when(reserve("pass-2", 7, { atLeast: 3 }))
      .thenRefused("no-credits");
  });

  test("holds the same reservation once, also after a part of it was settled", () =>
    given(granted, reserved, settled(outcome(42, "captured")))
      .when(reserve("pass-1", 8, { number: 1 }))
      .thenNothing());

  test("refuses a pass that is over: what came back from it is not held again", () =>
    given(granted, reserved, settled(outcome(42, "released", 8)))
      .when(reserve("pass-1", 8, { number: 1 }))
      .thenRefused("reservation-too-old"));

  test("refuses a number below the highest, although that reservation never was", () =>
    given(granted, reserved, { type: "CreditsReserved", data: { reservation: "pass-4", number: 4, credits: 1, purpose: "pass" } })
      .when(reserve("pass-3", 1, { number: 3 }))
      .thenRefused("reservation-too-old"));
});

const ask = (moment: string) =>
  ({
    type: "Reserve",
    reservation: "contact-asked",
    most: 1,
    atLeast: 1,
    purpose: "request",
    awaits: { contact: asker, until: moment },
  }) as const;
const check = (taken: boolean, before = until) =>
  ({
    type: "Check",
    before,
    found: [
      { reservation: "contact-asked", taken },
      { reservation: "unheard-of", taken },
    ],
  }) as const;
const givenBack = checked([], [{ reservation: "contact-asked", credits: 1 }]);

describe("the price of a request", () => {
  test("is held for its contact until a moment, once, and longer when it is asked for again", () => {
    given(granted).when(ask(until)).then(asked);
    given(granted, asked).when(ask(until)).thenNothing();
    given(granted, asked).when(ask(later)).then(prolonged);
    given(granted, asked, checked(["contact-asked"]))
      .when(ask(later))
      .thenNothing();
  });

  test("is given back when nobody has taken it by then, and only then", () => {
    given(granted, asked).when(check(false)).then(givenBack);
    given(granted, asked, givenBack).when(check(false)).thenNothing();
    given(granted, asked).when(check(false, "2026-11-20T10:00:59.999Z")).thenNothing();
    given(granted, asked, prolonged).when(check(false)).thenNothing();
    given(granted, asked, settled({ ...outcome(42, "captured"), reservation: "contact-asked" }))
      .when(check(false))
      .thenNothing();
  });

  test("is given back as far as it is still held", () => {
    const five = { ...asked, data: { ...asked.data, credits: 5 } } as LedgerEvent;
    const rest: LedgerEvent = { type: "ReservationsChecked", data: { kept: [], released: [{ reservation: "contact-asked", credits: 3 }] } };
    given(granted, five, settled(outcome(42, "captured", 2, "contact-asked")))
      .when(check(false))
      .then(rest);
  });

  test("is looked at for so many at once as fit into one message", () => {
    const names = Array.from({ length: checkedAtOnce + 1 }, (_, n) => `contact-${n}`);
    const held = names.map((reservation) => ({ ...asked, data: { ...asked.data, reservation } }) as LedgerEvent);
    const found = names.map((reservation) => ({ reservation, taken: true }));
    given({ type: "CreditsGranted", data: { grant: "large", credits: names.length, by: "ops" } }, ...held)
      .when({ type: "Check", before: until, found })
      .then(checked(names.slice(0, checkedAtOnce)));
  });

  test("stays held for a contact that has not ended, however often it is looked at", () => {
    given(granted, asked)
      .when(check(true))
      .then(checked(["contact-asked"]));
    given(granted, asked, checked(["contact-asked"]))
      .when(check(false, later))
      .thenNothing();
  });

  test("can be held anew after it was given back", () =>
    given(granted, asked, givenBack)
      .when(ask(later))
      .then({ ...asked, data: { ...asked.data, until: later } } as LedgerEvent));
});
