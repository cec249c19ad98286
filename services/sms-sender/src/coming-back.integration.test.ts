import { createHmac } from "node:crypto";
import { type AccountId, contactId, hashId, inboundId, personId } from "@outrider/contracts/ids";
import { inboxCodec } from "@outrider/contracts/inbox";
import { inboundCodec, refCodec, smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { done, joined, withDigest } from "@outrider/eventing";
import { keyIds, newTraceparent } from "@outrider/platform";
import { noFaults } from "@outrider/simulators";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { refSubject } from "./coming-back.ts";
import { names } from "./config.ts";
import { scheduleKey } from "./context.ts";
import { lookAt } from "./status.ts";
import { accepted, main, type Opened, only, openWorld, type Someone, saidOf, type World, webhookSecret, within } from "./testing-world.ts";
import { webhookAgain } from "./webhooks.ts";

let world: World;
let first: Opened;
let second: Opened;
beforeAll(async () => {
  world = await openWorld({ WEBHOOK_RETRY_MS: "300,900", POLL_PROVIDER_MS: "250" });
  [first, second] = await Promise.all([world.open("first"), world.open("second")]);
});
afterEach(() => world.simulator.setFaults(noFaults));
afterAll(() => world[Symbol.asyncDispose]());

let events = 0;
/** A webhook as the vendor would sign it, stored as the gateway stores it. */
const tells = async (account: AccountId, type: string, data: object, event = `e-${++events}`, secret = webhookSecret): Promise<void> => {
  const body = JSON.stringify({ id: event, type, occurred_at: new Date().toISOString(), data });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = `v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
  await world.webhook(account, { "x-smsmobileapi-timestamp": timestamp, "x-smsmobileapi-signature": signature }, body);
};
const idOf = (account: AccountId, key: string) => inboundId.parse(hashId("inbound", account, key));
const inboundOf = (account: AccountId, key: string) =>
  world.eventsOf(streams.sms.name, inboundCodec, subjects.smsInbound(account, idOf(account, key)));

describe("a status", () => {
  test("moves the contact once, though the provider tells it twice and in any order", async () => {
    const account = await world.account("statuses");
    await world.listenTo(account);
    await world.simulator.setFaults({ webhookDouble: 1, webhookOutOfOrder: 0.5, sendingMs: 20 });
    const sent = await accepted(world, account);
    await expect
      .poll(() => world.typesOf(account, sent), within)
      .toEqual([...["ContactRequested", "AttemptStarted", "ContactAccepted", "ContactSent"]]);
    await world.simulator.setFaults({ failDelivery: 1 });
    const failed = await accepted(world, account);
    await expect.poll(() => world.typesOf(account, failed), within).toContain("ContactFailed");
    await tells(account, "sms.failed", { guid: failed.id });
    await tells(account, "sms.sent", { guid: failed.id });
    await tells(account, "sms.failed", { guid: sent.id });
    await expect.poll(() => world.typesOf(account, sent), within).toContain("ContactFailed");
    expect((await world.typesOf(account, failed)).filter((type) => type === "ContactFailed")).toHaveLength(1);
    expect((await world.contactEvents(account, failed.contact)).at(-1)).toMatchObject({
      data: { reservation: failed.request.reservation, credits: 1 },
    });
  });
  test("that comes before its reference waits for it", async () => {
    const account = await world.account("overtaking");
    const one = only(await world.people(account, 1));
    const attempt = { type: "Accept", attempt: 1, providerId: "late-1", by: "answer" } as const;
    await tells(account, "sms.sent", { guid: "late-1" });
    const subject = subjects.smsContact(account, one.contact);
    const start = { type: "Start", attempt: 1, until: new Date().toISOString(), now: first.service.clock.now() } as const;
    await first.sms.contacts.execute(subject, { type: "Request", request: one.request }, { commandId: "r", at: "" });
    await first.sms.contacts.execute(subject, start, { commandId: "s", at: "" });
    await first.sms.contacts.execute(subject, attempt, { commandId: "a", at: "" });
    // Whoever wrote that was killed; the turn that is told again writes the reference, later than the webhook was first looked at.
    await expect
      .poll(
        () =>
          first.sms.kernel.jsm.streams
            .info("SCHEDULE", { subjects_filter: "*.sms-sender.webhook.>" })
            .then(({ state }) => Object.keys(state.subjects ?? {}).length),
        within,
      )
      .toBe(1);
    await first.sms.refs.execute(
      subjects.smsRef(account, hashId("ref", "late-1")),
      { type: "Record", contact: one.contact, attempt: 1, providerId: "late-1" },
      { commandId: "ref", at: "" },
    );
    await expect.poll(() => world.typesOf(account, one), within).toContain("ContactSent");
  });
  test("that comes while its contact is about to take the message in the provider's log for its own waits for it", async () => {
    const account = await world.account("claimed");
    const { contact, request } = only(await world.people(account, 1));
    const { contacts, refs } = first.sms;
    const [subject, now] = [subjects.smsContact(account, contact), new Date().toISOString()];
    const cause = (what: string) => ({ commandId: `${what}-${contact}`, at: "" });
    await contacts.execute(subject, { type: "Request", request }, cause("r"));
    await contacts.execute(subject, { type: "Start", attempt: 1, until: now, now: first.service.clock.now() }, cause("s"));
    await contacts.execute(subject, { type: "NoAnswer", attempt: 1, cause: "x", by: "holder", now }, cause("n"));
    await refs.execute(refSubject(account, "found-1"), { type: "Record", contact, attempt: 1, providerId: "found-1" }, cause("ref"));
    await tells(account, "sms.failed", { guid: "found-1" });
    const waiting = () => first.sms.kernel.jsm.streams.info("SCHEDULE", { subjects_filter: `*.sms-sender.webhook.*.${account}.>` });
    await expect.poll(async () => Object.keys((await waiting()).state.subjects ?? {}), within).not.toEqual([]);
    await contacts.execute(subject, { type: "Accept", attempt: 1, providerId: "found-1", by: "reconciliation" }, cause("a"));
    await expect.poll(() => world.statusOf(account, contact), within).toBe("failed");
  });
  test("that belongs to nothing is kept as unmatched at last, also with a strange event id", async () => {
    const account = await world.account("unmatched");
    const refOf = (id: string) => world.eventsOf(streams.sms.name, refCodec, subjects.smsRef(account, hashId("ref", id)));
    await tells(account, "sms.failed", { guid: "nobody's" }, `e\r\nOutrider-Actor: somebody\r\n${"x".repeat(5000)}`);
    await tells(account, "sms.sent", { guid: "nobody's either" }, "é🚗");
    await expect.poll(() => refOf("nobody's"), within).toMatchObject([{ type: "WebhookUnmatched", data: { type: "failed" } }]);
    await expect
      .poll(() => refOf("nobody's either"), within)
      .toMatchObject([{ type: "WebhookUnmatched", data: { type: "sent", event: "é🚗" } }]);
  });
  test("that the provider has not signed changes nothing", async () => {
    const account = await world.account("forged");
    const one = await accepted(world, account);
    await tells(account, "sms.failed", { guid: one.id }, "forged", "guess");
    await tells(account, "sms.sent", { guid: one.id });
    await expect.poll(() => world.typesOf(account, one), within).toContain("ContactSent");
    expect(await world.typesOf(account, one)).not.toContain("ContactFailed");
  });
});

test("a webhook whose day's key has been destroyed is done with, and never a dead letter", async () => {
  const account = await world.account("old");
  const { keyring, jsm } = world.service;
  const keyId = keyIds.inbox("2026-01-01");
  const request = await keyring.seal(keyId, JSON.stringify({ headers: {}, query: {}, body: "{}" }));
  await keyring.destroy(keyId);
  const event = { type: "WebhookReceived", data: { provider: "smsmobileapi", receivedAt: "2026-01-01T00:00:00.000Z", request } } as const;
  await world.append(streams.inbox.name, inboxCodec, subjects.inbox("smsmobileapi", account), event);
  const stored = await jsm.streams.getMessage(streams.inbox.name, { last_by_subj: subjects.inbox("smsmobileapi", account) });
  expect(await webhookAgain(first.sms).again(stored?.seq ?? 0, 0)).toEqual(done);
});

describe("a reply", () => {
  test("is stored once, sealed, linked to what it answers; STOP is obeyed", async () => {
    const account = await world.account("replies");
    await world.listenTo(account);
    const one = await accepted(world, account);
    const { guid } = await world.simulator.inbound({ from: one.number, text: "Oui, toujours à vendre" });
    const { guid: stop } = await world.simulator.inbound({ from: one.number, text: "Stop." });
    await expect
      .poll(() => inboundOf(account, stop), within)
      .toMatchObject([{ data: { keyword: "stop", knownSender: true, contact: one.contact } }]);
    const [received] = await inboundOf(account, guid);
    if (received?.type !== "InboundReceived") throw new Error("it was stored");
    expect(received.data).toMatchObject({ person: one.request.person, knownSender: true, contact: one.contact });
    expect(received.data.text.k).toBe(keyIds.person(account, one.request.person));
    expect(await world.service.keyring.open(received.data.text)).toBe("Oui, toujours à vendre");
    await expect
      .poll(() => world.typesOf(account, one).then((types) => types.filter((type) => type === "ContactReplied")), within)
      .toHaveLength(2);
    expect(saidOf(world, one)).toEqual(["opt-out"]);
  });
  test("answers the last message that was sent to its writer, whatever else was tried since", async () => {
    const account = await world.account("twice-written");
    const one = await accepted(world, account);
    const last = { ...one, contact: contactId.parse("written-last") };
    await world.request(account, { ...last, request: { ...one.request, contact: last.contact, reservation: "last" } });
    await expect.poll(() => world.statusOf(account, last.contact), within).toBe("accepted");
    world.neighbours.called.add(one.request.person);
    await tells(account, "sms.received", { guid: "t-1", from: one.number, message: "Oui" });
    await expect.poll(() => inboundOf(account, "t-1"), within).toMatchObject([{ data: { contact: last.contact } }]);
    await expect.poll(() => world.typesOf(account, last), within).toContain("ContactReplied");
  });
  test("reaches its contact though the reference to it cannot be read", async () => {
    const account = await world.account("unlinked");
    const one = await accepted(world, account);
    const { kernel } = first.sms;
    await kernel.publisher.publish(subjects.smsRef(account, hashId("ref", one.id)), new TextEncoder().encode("no event"), joined());
    for (const { sms } of [first, second]) sms.refs.forget();
    await tells(account, "sms.received", { guid: "u-1", from: one.number, message: "Oui" });
    await expect.poll(() => world.typesOf(account, one), within).toContain("ContactReplied");
  });
  test("from a stranger is visible, and its STOP counts for later", async () => {
    const account = await world.account("strangers");
    await tells(account, "sms.received", { guid: "s-1", from: "+33639989001", message: "Qui êtes-vous ?" });
    await tells(account, "sms.received", { guid: "s-2", from: "+33639989002", message: "STOP" });
    await tells(account, "sms.received", { guid: "s-3", from: "36179", message: "Votre forfait" });
    await expect.poll(() => inboundOf(account, "s-1"), within).toMatchObject([{ data: { knownSender: false } }]);
    await expect.poll(() => inboundOf(account, "s-2"), within).toMatchObject([{ data: { knownSender: false, keyword: "stop" } }]);
    await expect.poll(() => inboundOf(account, "s-3"), within).toHaveLength(1);
    expect((await inboundOf(account, "s-3"))[0]?.data).not.toHaveProperty("person");
    const person = hashId("person", account, "+33639989002");
    expect(world.neighbours.numbers.has(person)).toBe(true); // somebody whom registry can know again
    const sealedBy = async (guid: string) => {
      const [received] = await inboundOf(account, guid);
      return received?.type === "InboundReceived" ? received.data.text.k : undefined;
    };
    expect(await sealedBy("s-1")).toBe(keyIds.account(account));
    expect(await sealedBy("s-2")).toBe(keyIds.person(account, personId.parse(person)));
    expect(world.neighbours.numbers.has(hashId("person", account, "+33639989001"))).toBe(false);
    expect(world.neighbours.said.filter((said) => said.person === person).map(({ what }) => what)).toEqual(["opt-out"]);
  });
  test("that says START is kept when its writer has been erased, and no dead letter comes of it", async () => {
    const account = await world.account("forgotten");
    const one = await accepted(world, account);
    world.neighbours.erased.add(one.request.person);
    await tells(account, "sms.received", { guid: "f-1", from: one.number, message: "START" });
    await expect.poll(() => inboundOf(account, "f-1"), within).toMatchObject([{ data: { keyword: "start", person: one.request.person } }]);
    expect(saidOf(world, one)).toEqual([]);
  });
  test("is answered through the line that it came to, on credits of its own", async () => {
    const account = await world.account("answers");
    const one = await accepted(world, account);
    await tells(account, "sms.received", { guid: "a-1", from: one.number, message: "Combien ?" });
    await expect.poll(() => inboundOf(account, "a-1"), within).toHaveLength(1);
    const inbound = idOf(account, "a-1");
    const text = await world.service.keyring.seal(keyIds.person(account, one.request.person), "4 500 euros");
    const answer = (asks = "a") =>
      world.service.ask(smsCommands.answerInbound, { account, inbound, text, by: "ada" }, { commandId: withDigest("1", asks.repeat(22)) });
    const { contact } = await answer();
    // Promised before it was asked for: should whoever answers be killed in between, it still gets a turn.
    expect(await first.sms.schedules.isOpen(names.wanted, scheduleKey(account, contact))).toBe(true);
    expect((await answer()).contact).toBe(contact);
    await expect(answer("b")).rejects.toMatchObject({ slug: "idempotency-key-reused" });
    await expect.poll(() => world.statusOf(account, contact), within).toBe("accepted");
    expect((await world.sends([one])).map((row) => row.text).at(-1)).toBe("4 500 euros");
    expect(await world.sends([one])).toHaveLength(2);
    expect(world.neighbours.reserved.filter((reservation) => reservation === `answer-${contact}`)).toHaveLength(1);
    await world.service.ask(smsCommands.markInbound, { account, inbound, as: "interested", by: "ada" });
    expect((await inboundOf(account, "a-1")).map(({ type }) => type)).toEqual(["InboundReceived", "InboundAnswered", "InboundMarked"]);
  });
});

describe("the trace of what comes back", () => {
  const traceIdOf = (traceparent = ""): string => traceparent.slice(3, 35);
  test("is one of its own, and its span links that of the attempt: a status told, a status asked for, a reply", async () => {
    const account = await world.account("traces");
    const spans = [first, second].map(({ service }) => vi.spyOn(service.instruments, "span"));
    // By its trace: other accounts' replies are read again and again meanwhile.
    const linksIn = (trace: string | undefined, told: string) =>
      spans
        .flatMap(({ mock }) => mock.calls.map(([span]) => span))
        .filter(({ parent, attributes }) => attributes?.["outrider.told"] === told && traceIdOf(parent) === trace)
        .flatMap(({ links = [] }) => links.map(traceIdOf));
    const stepsOf = async ({ contact }: Someone) =>
      (await first.sms.contacts.history(subjects.smsContact(account, contact), 0, 10)).map(({ recorded: { events, traceparent } }) => ({
        type: events[0]?.type,
        trace: traceIdOf(traceparent),
      }));
    const [told, asked] = [await accepted(world, account), await accepted(world, account)];
    await tells(account, "sms.failed", { guid: told.id });
    await tells(account, "sms.received", { guid: "t-1", from: asked.number, message: "Oui" });
    // A trace of its own, as a look that was armed without one has.
    const why = { actor: "test", traceparent: newTraceparent() };
    const look = { account, line: main, key: asked.contact, contact: asked.contact, round: 0, unanswered: 0 };
    await vi.waitFor(async () => {
      await lookAt(first.sms, look, why);
      expect(await world.typesOf(account, asked)).toEqual(expect.arrayContaining(["ContactReplied", "ContactSent"]));
      expect(await world.typesOf(account, told)).toContain("ContactFailed");
    }, within);
    for (const [one, command, event] of [
      [told, "Fail", "ContactFailed"],
      [asked, "Sent", "ContactSent"],
      [asked, "Reply", "ContactReplied"],
    ] as const) {
      const steps = await stepsOf(one);
      const trace = steps.find(({ type }) => type === "AttemptStarted")?.trace;
      expect(trace).toMatch(/^[0-9a-f]{32}$/);
      const back = steps.find(({ type }) => type === event)?.trace;
      expect(back, event).not.toBe(trace);
      expect(new Set(linksIn(back, command)), command).toEqual(new Set([trace]));
    }
    for (const spy of spans) spy.mockRestore();
  });
});
