import type { ContactEvent } from "@outrider/contracts/contact";
import { accountId, contactId, lineId, personId } from "@outrider/contracts/ids";
import type { Schedules } from "@outrider/eventing";
import { expect, test } from "vitest";
import { claimAlarms, claimOf } from "./claims.ts";
import { alarmsArmedMost } from "./config.ts";

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

/** The alarms of a ledger whose grace is a minute, and the moments that they were set for. */
const openAlarms = () => {
  const set: { readonly key: string; readonly when: number }[] = [];
  const at: Schedules["at"] = async (_name, key, when) => void set.push({ key, when: when.getTime() });
  const { arm } = claimAlarms({ config: { LEDGER_CLAIM_GRACE_MS: 60_000 } }, { at });
  const cause = { commandId: "c", at: "" };
  return { set, arm: (name: string, untilMs: number) => arm(accountId.parse(name), new Date(untilMs).toISOString(), cause) };
};
test("moments that are close share one alarm, which comes after the grace of each of them", async () => {
  const { set, arm } = openAlarms();
  const until = Math.ceil(Date.now() / 60_000) * 60_000 + 600_000;
  for (const more of [1, 20_000, 60_000]) await arm("acme", until + more);
  expect(set.map(({ when }) => when)).toEqual([until + 120_000]);
  await arm("acme", until + 60_001);
  expect(set.map(({ when }) => when)).toEqual([until + 120_000, until + 180_000]);
});

test("an alarm whose moment has passed has rung: whoever is late gets another one", async () => {
  const { set, arm } = openAlarms();
  const past = Date.now() - 600_000;
  await arm("acme", past);
  await arm("acme", past);
  expect(set).toHaveLength(2);
});

test("the alarms of a thousand accounts are remembered, those that were set last", async () => {
  const { set, arm } = openAlarms();
  const until = Date.now() + 600_000;
  for (let n = 0; n < alarmsArmedMost; n++) await arm(`a${n}`, until);
  await arm("a0", until + 600_000);
  await arm("one-more", until);
  expect(set).toHaveLength(alarmsArmedMost + 2);
  for (const [name, moment] of [
    ["a0", until + 600_000],
    ["a2", until],
    ["one-more", until],
  ] as const)
    await arm(name, moment);
  expect(set).toHaveLength(alarmsArmedMost + 2);
  await arm("a1", until);
  expect(set).toHaveLength(alarmsArmedMost + 3);
});
