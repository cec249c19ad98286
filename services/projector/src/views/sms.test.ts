import type { ContactEvent } from "@outrider/contracts/contact";
import { contactId, huntId, inboundId, lineId, runId } from "@outrider/contracts/ids";
import { lineLimits, type SmsEvent } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { describe, expect, test } from "vitest";
import { contacts } from "./contacts.ts";
import { lines } from "./lines.ts";
import { replies } from "./replies.ts";
import { account, at, contact, folded, message, person, sealed } from "./testing-folded.ts";
import { unmatched } from "./unmatched.ts";

const paid = { reservation: "r1", credits: 1 };
const requested: ContactEvent = {
  type: "ContactRequested",
  data: {
    ...{ contact, person, channel: "sms", line: lineId.parse("l1"), hunt: huntId.parse("h1"), step: 1, text: sealed },
    ...{ purpose: "prospecting", legalBasis: "consent", noCanvassing: false, ownerType: "private", ...paid },
  },
};
const accepted: ContactEvent = { type: "ContactAccepted", data: { attempt: 1, providerId: "id", by: "answer", ...paid } };
const ofContact = (...steps: ContactEvent[][]) =>
  folded(contacts, ...steps.map((events, index) => message<SmsEvent>(subjects.smsContact(account, contact), index + 1, ...events)));
const id = `${account}.${contact}`;

describe("contacts", () => {
  test("one document from the request to the reply, with the last message in it", async () => {
    const found = await ofContact(
      [requested],
      [{ type: "AttemptStarted", data: { attempt: 1, until: at } }],
      [accepted],
      [{ type: "ContactDelivered", data: { at } }],
      [{ type: "ContactSent", data: { at } }],
      [{ type: "ContactReplied", data: { inbound: inboundId.parse("i1"), at, stop: true } }],
    );
    expect(found).toMatchObject({
      [id]: {
        account,
        _seq: 6,
        status: "delivered",
        outcome: "accepted",
        attempts: 1,
        replies: 1,
        stopped: true,
        sentAt: at,
        text: sealed,
      },
    });
  });

  test("unknown and later accepted is accepted; gated and asked again starts over", async () => {
    const unknown: ContactEvent = { type: "AttemptUnknown", data: { attempt: 1, cause: "timeout" } };
    expect(await ofContact([requested], [unknown])).toMatchObject({ [id]: { status: "unknown", outcome: "unknown", reason: "timeout" } });
    const reconciled = (await ofContact([requested], [unknown], [accepted]))[id];
    expect(reconciled).toMatchObject({ status: "accepted", outcome: "accepted" });
    expect(reconciled).not.toHaveProperty("reason");
    const gated: ContactEvent = { type: "ContactGated", data: { rule: "calling-hours", remedy: "wait", ...paid } };
    expect(await ofContact([requested], [gated])).toMatchObject({ [id]: { status: "gated", rule: "calling-hours", remedy: "wait" } });
    const again = (await ofContact([requested], [gated], [requested]))[id];
    expect(again).toMatchObject({ status: "requested", requests: 2 });
    expect(again).not.toHaveProperty("outcome");
    expect(again).not.toHaveProperty("rule");
  });

  test("what runs asked for in vain is remembered, so that each run's allocations come to as many outcomes", async () => {
    const ofRun = (run: string): ContactEvent => ({ ...requested, data: { ...requested.data, run: runId.parse(run), pass: 1 } });
    const gated = (rule: string): ContactEvent => ({ type: "ContactGated", data: { rule, ...paid } });
    const redundant: ContactEvent = { type: "RequestRedundant", data: { run: runId.parse("2026-11-22"), pass: 1, ...paid } };
    const steps = [
      [ofRun("2026-11-20")],
      [gated("paused")],
      [ofRun("2026-11-20")],
      [gated("quiet-hours")],
      [ofRun("2026-11-21")],
      [accepted],
    ];
    const found = (await ofContact(...steps, [redundant]))[id];
    expect(found).toMatchObject({ status: "accepted", run: "2026-11-21", requests: 3, redundant: 1 });
    expect(found).toHaveProperty("earlier", [
      { run: "2026-11-20", rule: "paused" },
      { run: "2026-11-20", rule: "quiet-hours" },
      { run: "2026-11-22", rule: "already-contacted" },
    ]);
  });

  test("the events of one message count together", async () => {
    expect(await ofContact([requested, { type: "RequestRedundant", data: paid }, accepted])).toMatchObject({
      [id]: { _seq: 1, status: "accepted", redundant: 1 },
    });
  });
});

test("replies, lines and unmatched webhooks", async () => {
  const inbound = inboundId.parse("i1");
  const received: SmsEvent = {
    type: "InboundReceived",
    data: { inbound, person, knownSender: true, contact, text: sealed, keyword: "stop", at },
  };
  const marked: SmsEvent = { type: "InboundMarked", data: { as: "interested", by: "ops" } };
  const reply = subjects.smsInbound(account, inbound);
  expect(await folded(replies, message(reply, 1, received), message(reply, 2, marked))).toMatchObject({
    [`${account}.i1`]: { text: sealed, keyword: "stop", mark: "interested", markedBy: "ops", answers: [] },
  });
  const line = lineId.parse("l1");
  const subject = subjects.smsLine(account, line);
  const opened: SmsEvent = {
    type: "LineOpened",
    data: { line, provider: "smsmobileapi", timeZone: "Europe/Paris", limits: lineLimits.parse({}) },
  };
  const turns = (day: string, ...who: string[]): SmsEvent => ({
    type: "TurnsGiven",
    data: { day, turns: who.map((each) => ({ contact: contactId.parse(each), person, at })) },
  });
  const messages = [
    opened,
    turns("2026-11-20", "a", "b"),
    turns("2026-11-21", "c"),
    { type: "LinePaused", data: { reason: "offline", by: "line" } } as const,
  ];
  expect(await folded(lines, ...messages.map((event, index) => message<SmsEvent>(subject, index + 1, event)))).toMatchObject({
    [`${account}.l1`]: { day: "2026-11-21", turnsOfDay: 1, turns: 3, status: "paused", reason: "offline" },
  });
  const lost: SmsEvent = { type: "WebhookUnmatched", data: { event: "INBOX:7", type: "status", at } };
  const other: SmsEvent = { type: "RefRecorded", data: { contact, attempt: 1, providerId: "id" } };
  const ref = subjects.smsRef(account, "ref");
  expect(Object.keys(await folded(unmatched, message(ref, 3, other), message(ref, 4, lost)))).toEqual([`${account}.4.0`]);
});
