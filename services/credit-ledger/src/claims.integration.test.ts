import { type ContactEvent, type ContactRequest, contactCodec } from "@outrider/contracts/contact";
import { accountId, contactId, lineId, personId } from "@outrider/contracts/ids";
import { checkedAtOnce, ledgerCodec } from "@outrider/contracts/ledger";
import { streams, subjects } from "@outrider/contracts/streams";
import { aggregate, ensureStream, jetStreamStore, type Positions } from "@outrider/eventing";
import { kernelOf } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { throwAwayNats } from "@outrider/stack/testing";
import { expect, test } from "vitest";
import { type BalanceCommand, balance } from "./balance.ts";
import { lookInto } from "./claims.ts";
import { definition } from "./config.ts";

const account = accountId.parse("garage");
const at = "2026-11-20T10:00:00.000Z";
const nowhere: Positions = { load: async () => undefined, save: async () => undefined };

test("a look gives back what nobody took in time, and neither what is on its way to the balance nor what still has time", async () => {
  const nats = await throwAwayNats();
  const service = await openTestService(definition, { NATS_URL: nats.url, LEDGER_CLAIM_GRACE_MS: "60000" });
  const kernel = kernelOf(service);
  const { jsm, publisher } = kernel;
  for (const declared of [streams.ledger, streams.sms]) await ensureStream(jsm, declared);
  const balances = aggregate(jetStreamStore({ jsm, publisher, stream: streams.ledger.name, codec: ledgerCodec }), balance);
  const contacts = jetStreamStore<ContactEvent>({ jsm, publisher, stream: streams.sms.name, codec: contactCodec });
  let commands = 0;
  const tell = (command: BalanceCommand) => balances.execute(subjects.balance(account), command, { commandId: `c${++commands}`, at });
  const hold = (id: string, untilMs: number) => {
    const awaits = { contact: contactId.parse(id), until: new Date(untilMs).toISOString() };
    return tell({ type: "Reserve", reservation: `contact-${id}`, most: 1, atLeast: 1, purpose: "request", awaits });
  };
  await tell({ type: "Grant", grant: "invoice", credits: checkedAtOnce + 10, by: "ops", now: at });
  const now = Date.now();
  // As many as one look checks, before all others: whoever still has time stands in nobody's way.
  const many = Array.from({ length: checkedAtOnce }, (_, n) => `many-${n}`);
  await Promise.all(many.map((id) => hold(id, now + 300_000)));
  // Nobody follows the senders here: the balance has heard nothing of what was sent.
  for (const id of ["sent", "never"]) await hold(id, now - 120_000);
  await hold("in-grace", now - 30_000);
  await hold("in-time", now + 30_000);
  const sent: ContactRequest = {
    ...{ contact: contactId.parse("sent"), person: personId.parse("p"), channel: "sms", line: lineId.parse("main"), step: 1 },
    ...{ text: { k: "k", v: "v" }, purpose: "service", legalBasis: "consent", noCanvassing: false, ownerType: "unknown" },
    ...{ reservation: "contact-sent", credits: 1 },
  };
  const events: ContactEvent[] = [
    { type: "ContactRequested", data: sent },
    { type: "ContactAccepted", data: { attempt: 1, providerId: "p-1", by: "answer", reservation: "contact-sent", credits: 1 } },
  ];
  const append = { commandId: "sent", executionId: "sent", at, events, expected: 0, closing: 0 };
  const appended = await contacts.append(subjects.smsContact(account, "sent"), append, performance.now() + 5000);

  let again = 0;
  const alarms = { arm: async () => undefined, again: async () => void again++ };
  const { config, clock } = service;
  const ledger = { kernel, balances, clock, config, acquire: service.acquireLease, lowBelow: () => undefined };
  await lookInto({ ...ledger, positions: { sms: nowhere, hunts: nowhere } }, account, { commandId: "look", at }, alarms);
  const { state } = await balances.fold(subjects.balance(account));
  const open = [...many, "sent", "in-grace", "in-time"].map((id) => `contact-${id}`);
  expect([...state.open.keys()]).toEqual(open);
  expect(state).toMatchObject({ held: open.length, released: 1, available: 7 });
  expect(again).toBe(1); // for the one whose outcome has yet to come

  const seq = appended.kind === "appended" ? appended.revision : 0;
  const outcome = {
    seq,
    contact: sent.contact,
    reservation: "contact-sent",
    credits: 1,
    kind: "captured",
    because: "ContactAccepted",
  } as const;
  await tell({ type: "Settle", stream: streams.sms.name, outcomes: [outcome] });
  expect((await balances.fold(subjects.balance(account))).state).toMatchObject({
    ...{ held: open.length - 1, captured: 1, released: 1, available: 7 },
  });
  await service[Symbol.asyncDispose]();
  await nats.stop();
});
