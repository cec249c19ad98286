import type { ContactRequest } from "@outrider/contracts/contact";
import { contactId, huntId, lineId, personId } from "@outrider/contracts/ids";
import { scenario } from "@outrider/eventing/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Contact, type ContactCommand, contact } from "./contact.ts";

const { given } = scenario(contact);
const request: ContactRequest = {
  contact: contactId.parse("c1"),
  person: personId.parse("p1"),
  channel: "sms",
  line: lineId.parse("main"),
  hunt: huntId.parse("h1"),
  step: 1,
  text: { k: "person.acme.p1", v: "x" },
  purpose: "prospecting",
  legalBasis: "consent",
  noCanvassing: false,
  ownerType: "private",
  reservation: "pass-1",
  credits: 2,
};
const paid = { reservation: "pass-1", credits: 2 };
const until = "2026-11-20T10:00:20.000Z";
const now = "2026-11-20T10:00:00.000Z";
const requested = { type: "ContactRequested", data: request } as const;
const started = { type: "AttemptStarted", data: { attempt: 1, until } } as const;
const accepted = { type: "ContactAccepted", data: { attempt: 1, providerId: "id-1", by: "answer", ...paid } } as const;
const unknown = { type: "AttemptUnknown", data: { attempt: 1, cause: "ECONNRESET" } } as const;
const rejected = { type: "ContactRejected", data: { attempt: 1, reason: "no", by: "answer", ...paid } } as const;
const gated = { type: "ContactGated", data: { rule: "opted-out", ...paid } } as const;
const start = { type: "Start", attempt: 1, until, now } as const;

describe("asking for a contact", () => {
  test("begins once, however often the same page says it", () => {
    given().when({ type: "Request", request }).then(requested);
    given(requested).when({ type: "Request", request }).thenNothing();
  });
  test("begins only while what pays for it is held for certain; one that has begun stays", () => {
    const late = { type: "Request", request, reservedUntil: "2026-11-20T09:59:59.999Z", now } as const;
    given().when(late).thenRefused("reservation-over");
    given()
      .when({ ...late, reservedUntil: now })
      .then(requested);
    given(requested).when(late).thenNothing();
    given(requested, gated)
      .when({ ...late, request: { ...request, reservation: "other" } })
      .thenRefused("reservation-over");
    given(requested, started, rejected)
      .when({ type: "SendAgain", by: "ada", now, reservation: { reservation: "again-1", credits: 2, until: "2026-11-20T09:00:00.000Z" } })
      .thenRefused("reservation-over");
  });
  test("gives the credits of a second asking back, once", () => {
    const other = { ...request, reservation: "pass-2" };
    const redundant = { type: "RequestRedundant", data: { reservation: "pass-2", credits: 2 } } as const;
    given(requested).when({ type: "Request", request: other }).then(redundant);
    given(requested, redundant).when({ type: "Request", request: other }).thenNothing();
  });
  test("is its own: what was looked at for an earlier one neither starts, nor defers, nor ends the one that counts now", () => {
    const anew = { type: "ContactRequested", data: { ...request, reservation: "pass-2" } } as const;
    const [defer, gate] = [{ type: "Defer", rule: "outside-hours", until } as const, { type: "Gate", rule: "paused" } as const];
    for (const command of [start, defer, gate]) {
      given(requested, gated, anew)
        .when({ ...command, reservation: "pass-1" })
        .thenRefused("not-waiting");
    }
    given(requested, gated, anew)
      .when({ ...start, reservation: "pass-2" })
      .then(started);
  });
  test("begins anew after it was gated, and not once it may have left, or was rejected", () => {
    const other = { ...request, reservation: "pass-2" };
    given(requested, gated).when({ type: "Request", request: other }).then({ type: "ContactRequested", data: other });
    const failed = { type: "ContactFailed", data: { at: now, reason: "phone", ...paid } } as const;
    for (const before of [[started], [started, unknown], [started, accepted], [started, accepted, failed], [started, rejected]]) {
      given(requested, ...before)
        .when({ type: "Request", request: other })
        .then({ type: "RequestRedundant", data: { reservation: "pass-2", credits: 2 } });
    }
  });
});

describe("an attempt", () => {
  test("starts once: a second starter is told that it is open", () => {
    given(requested).when(start).then(started);
    given(requested, started)
      .when({ ...start, attempt: 2 })
      .thenRefused("attempt-open");
  });
  test("starts only as the next one, for which its permit was counted", () => {
    const abandoned = { type: "AttemptAbandoned", data: { attempt: 1, because: "paused" } } as const;
    given(requested)
      .when({ ...start, attempt: 2 })
      .thenRefused("not-waiting");
    given(requested, started, abandoned).when(start).thenRefused("not-waiting");
  });
  test("does not start before its moment", () =>
    given(requested, { type: "ContactDeferred", data: { rule: "outside-hours", until: "2026-11-20T11:00:00.000Z" } })
      .when(start)
      .thenRefused("too-early"));
  test("that never left lets the next one start", () =>
    given(requested, started, { type: "AttemptAbandoned", data: { attempt: 1, because: "paused" } })
      .when({ ...start, attempt: 2 })
      .then({ type: "AttemptStarted", data: { attempt: 2, until } }));
  test("is called unknown by nobody but its holder before a minute past its end", () => {
    const byAnybody = { type: "NoAnswer", attempt: 1, cause: "died", by: "anybody" } as const;
    given(requested, started)
      .when({ ...byAnybody, now: "2026-11-20T10:01:19.000Z" })
      .thenRefused("too-early");
    given(requested, started)
      .when({ ...byAnybody, now: "2026-11-20T10:01:20.000Z" })
      .then({ type: "AttemptUnknown", data: { attempt: 1, cause: "died" } });
    given(requested, started)
      .when({ ...byAnybody, by: "holder", now })
      .then({ type: "AttemptUnknown", data: { attempt: 1, cause: "died" } });
  });
  const refuseForNow = { type: "RefuseForNow", attempt: 1, reason: "429", waitMs: 60_000, now, attemptsAtMost: 3 } as const;
  const refusedForNow = (attempt: number, notBefore: string) =>
    ({ type: "AttemptRefusedForNow", data: { attempt, reason: "429", notBefore } }) as const;
  const startedAgain = (attempt: number) => ({ type: "AttemptStarted", data: { attempt, until } }) as const;
  test("that is refused for now waits, twice as long each time, and ends rejected when it was the last one allowed", () => {
    const first = refusedForNow(1, "2026-11-20T10:01:00.000Z");
    given(requested, started).when(refuseForNow).then(first);
    given(requested, started, first, startedAgain(2))
      .when({ ...refuseForNow, attempt: 2 })
      .then(refusedForNow(2, "2026-11-20T10:02:00.000Z"));
    given(requested, started, first, startedAgain(2))
      .when({ ...refuseForNow, attempt: 2, waitMs: 3_000_000 })
      .then(refusedForNow(2, "2026-11-20T11:00:00.000Z"));
    given(requested, started)
      .when({ ...refuseForNow, attemptsAtMost: 1 })
      .then({ type: "ContactRejected", data: { attempt: 1, reason: "429", by: "answer", ...paid } });
  });
  test("counts refusals alone and those of this asking alone: what never left, and what a person sent again, takes none away", () => {
    const abandoned = { type: "AttemptAbandoned", data: { attempt: 1, because: "ECONNREFUSED" } } as const;
    given(requested, started, abandoned, startedAgain(2))
      .when({ ...refuseForNow, attempt: 2, attemptsAtMost: 2 })
      .then(refusedForNow(2, "2026-11-20T10:01:00.000Z"));
    const again = { type: "ResendAsked", data: { by: "ada", reservation: "again-1", credits: 2 } } as const;
    given(
      requested,
      started,
      refusedForNow(1, now),
      startedAgain(2),
      { ...rejected, data: { ...rejected.data, attempt: 2 } },
      again,
      startedAgain(3),
    )
      .when({ ...refuseForNow, attempt: 3, attemptsAtMost: 2 })
      .then(refusedForNow(3, "2026-11-20T10:01:00.000Z"));
  });
  test("that was taken for unknown while its holder slept is still the holder's to end", () => {
    const abandon = { type: "Abandon", attempt: 1, because: "the attempt was over" } as const;
    given(requested, started, unknown).when(refuseForNow).then(refusedForNow(1, "2026-11-20T10:01:00.000Z"));
    given(requested, started, unknown)
      .when(abandon)
      .then({ type: "AttemptAbandoned", data: { attempt: 1, because: "the attempt was over" } });
    given(requested, started, unknown, { type: "ResendAsked", data: { by: "ada", ...paid } }, startedAgain(2))
      .when(abandon)
      .thenRefused("not-this-attempt");
  });
  test("is not for a person to resolve while it is under way", () => {
    given(requested, started).when({ type: "Accept", attempt: 1, providerId: "person:c1", by: "person" }).thenRefused("attempt-open");
    given(requested, started).when({ type: "Reject", attempt: 1, reason: "no", by: "person" }).thenRefused("attempt-open");
  });
});

describe("unknown", () => {
  test("becomes accepted or rejected when the provider can tell", () => {
    given(requested, started, unknown)
      .when({ type: "Accept", attempt: 1, providerId: "id-1", by: "reconciliation" })
      .then({ type: "ContactAccepted", data: { attempt: 1, providerId: "id-1", by: "reconciliation", ...paid } });
    given(requested, started, unknown)
      .when({ type: "Reject", attempt: 1, reason: "not sent", by: "person" })
      .then({ type: "ContactRejected", data: { attempt: 1, reason: "not sent", by: "person", ...paid } });
  });
  test("is rejected once, however often that is told", () =>
    given(requested, started, unknown, rejected).when({ type: "Reject", attempt: 1, reason: "not sent", by: "person" }).thenNothing());
  test("is resent only because a person says so, on the same hold, and only past its grace", () => {
    given(requested, started, unknown).when(start).thenRefused("not-waiting");
    given(requested, started, unknown).when({ type: "SendAgain", by: "ada", now }).thenRefused("too-early");
    given(requested, started, unknown)
      .when({ type: "SendAgain", by: "ada", now: "2026-11-20T10:02:00.000Z" })
      .then({ type: "ResendAsked", data: { by: "ada", ...paid } });
  });
});

describe("what comes back", () => {
  test("a resend of a rejected one is paid anew", () => {
    given(requested, started, rejected).when({ type: "SendAgain", by: "ada", now }).thenRefused("reservation-needed");
    const reservation = { reservation: "again-1", credits: 2 };
    given(requested, started, rejected)
      .when({ type: "SendAgain", by: "ada", now, reservation })
      .then({ type: "ResendAsked", data: { by: "ada", ...reservation } });
  });
  test("sent, failed and replied count once, in any order", () => {
    given(requested, started, accepted)
      .when({ type: "Sent", at: now })
      .then({ type: "ContactSent", data: { at: now } });
    given(requested, started, accepted, { type: "ContactSent", data: { at: now } })
      .when({ type: "Sent", at: now })
      .thenNothing();
    const failed = { type: "ContactFailed", data: { at: now, reason: "phone", ...paid } } as const;
    given(requested, started, accepted).when({ type: "Fail", at: now, reason: "phone" }).then(failed);
    given(requested, started, accepted, failed).when({ type: "Fail", at: now, reason: "phone" }).thenNothing();
    given(requested, started, accepted, failed).when({ type: "Sent", at: now }).thenNothing();
  });
  test("a second reference for an accepted contact is refused, never taken over", () =>
    given(requested, started, accepted)
      .when({ type: "Accept", attempt: 1, providerId: "id-2", by: "answer" })
      .thenRefused("accepted-otherwise"));
});

/** Whatever is asked in whatever order: every contact that ended is settled once per reservation, and one attempt is open at a time. */
test("any order of commands settles each reservation at most once and accepts at most once per attempt", () => {
  const command = fc.oneof(
    fc
      .constantFrom("pass-1", "pass-2", "pass-3")
      .map((reservation) => ({ type: "Request", request: { ...request, reservation } }) as const),
    fc.nat(4).map((attempt) => ({ ...start, attempt }) as const),
    fc.nat(4).map((attempt) => ({ type: "Abandon", attempt, because: "x" }) as const),
    fc.nat(4).map((attempt) => ({ type: "Accept", attempt, providerId: `id-${attempt}`, by: "answer" }) as const),
    fc.nat(4).map((attempt) => ({ type: "Reject", attempt, reason: "x", by: "answer" }) as const),
    fc.nat(4).map((attempt) => ({ type: "NoAnswer", attempt, cause: "x", by: "holder", now }) as const),
    fc.constant({ type: "Gate", rule: "paused" } as const),
    fc.constant({ type: "Fail", at: now, reason: "x" } as const),
    fc.constant({ type: "SendAgain", by: "ada", now: "2026-11-21T10:00:00.000Z" } as const),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands: readonly ContactCommand[]) => {
      let state: Contact = contact.initial();
      const settled: string[] = [];
      let acceptedCount = 0;
      for (const each of commands) {
        const decision = contact.decide(state, each);
        if (!decision.accepted) continue;
        for (const event of decision.events) {
          if (event.type === "ContactAccepted") acceptedCount += 1;
          if (
            event.type === "ContactAccepted" ||
            event.type === "ContactRejected" ||
            event.type === "ContactGated" ||
            event.type === "RequestRedundant"
          ) {
            settled.push(event.data.reservation);
          }
          state = contact.evolve(state, event, now);
        }
      }
      expect(new Set(settled).size).toBe(settled.length);
      expect(acceptedCount).toBeLessThanOrEqual(1);
    }),
    { numRuns: 2000 },
  );
});
