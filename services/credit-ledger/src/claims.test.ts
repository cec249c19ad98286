import type { ContactEvent } from "@outrider/contracts/contact";
import { contactId, lineId, personId } from "@outrider/contracts/ids";
import { expect, test } from "vitest";
import { claimOf } from "./claims.ts";

const paid = { reservation: "mine", credits: 1 };
const requested: ContactEvent = {
  type: "ContactRequested",
  data: {
    ...{
      contact: contactId.parse("c"),
      person: personId.parse("p"),
      channel: "sms",
      line: lineId.parse("l"),
      step: 1,
      text: { k: "k", v: "v" },
    },
    ...{ purpose: "service", legalBasis: "consent", noCanvassing: false, ownerType: "unknown" },
    ...paid,
  },
};
const accepted: ContactEvent = { type: "ContactAccepted", data: { attempt: 1, providerId: "x", by: "answer", ...paid } };
const rejected: ContactEvent = { type: "ContactRejected", data: { attempt: 1, reason: "no", by: "answer", ...paid } };
const failed: ContactEvent = { type: "ContactFailed", data: { at: "2026-11-20T10:00:00.000Z", reason: "network", ...paid } };
const resend: ContactEvent = { type: "ResendAsked", data: { by: "ada", reservation: "again", credits: 1 } };
const history = (...messages: ContactEvent[][]) => messages.map((events, index) => ({ events, revision: 10 * (index + 1) }));

test("a hold is taken by the contact that names it, until that has ended", () => {
  expect(claimOf([], "mine")).toEqual({ kind: "none" });
  expect(claimOf(history([requested]), "mine")).toEqual({ kind: "taken" });
  expect(claimOf(history([requested], [accepted], [failed]), "mine")).toEqual({ kind: "ended", seq: 20 });
});

test("a resend takes its own hold and no other", () => {
  expect(claimOf(history([requested], [rejected]), "again")).toEqual({ kind: "none" });
  expect(claimOf(history([requested], [rejected], [resend]), "again")).toEqual({ kind: "taken" });
  expect(claimOf(history([requested], [rejected], [resend]), "mine")).toEqual({ kind: "ended", seq: 20 });
});

test("a redundant request has ended where it began", () => {
  expect(claimOf(history([requested], [{ type: "RequestRedundant", data: { reservation: "other", credits: 1 } }]), "other")).toEqual({
    kind: "ended",
    seq: 20,
  });
});
