import { contactCodec } from "@outrider/contracts/contact";
import { huntCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId, contactId, huntId, lineId } from "@outrider/contracts/ids";
import { streams, subjects } from "@outrider/contracts/streams";
import { aggregate, headerLine, jetStreamStore } from "@outrider/eventing";
import { keyIds, Personal } from "@outrider/platform";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takeTurn } from "./attempt.ts";
import { followed } from "./config.ts";
import { type ContactCommand, contact } from "./contact.ts";
import { type Sms, scheduleKey } from "./context.ts";
import { pauseLine } from "./line-now.ts";
import { reconcile } from "./reconcile.ts";
import { takeInbound } from "./replies.ts";
import { main, type Opened, only, openWorld, type Someone, saidOf, type World, within } from "./testing-world.ts";
import { askForTurns } from "./turns.ts";

let world: World;
let first: Opened;
let second: Opened;
beforeAll(async () => {
  world = await openWorld();
  [first, second] = await Promise.all([world.open("first"), world.open("second")]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Asked for through the first replica; ended there, and asked for anew with another text, through the second one alone. */
const askedAnewElsewhere = async (account: AccountId, { contact, request }: Someone, before: Partial<Someone["request"]> = {}) => {
  const subject = subjects.smsContact(account, contact);
  const cause = (what: string) => ({ commandId: `${what}-${contact}`, at: first.service.clock.now() });
  await first.sms.contacts.execute(subject, { type: "Request", request: { ...request, ...before } }, cause("ask"));
  await second.sms.contacts.execute(subject, { type: "Gate", rule: "line-day-full" }, cause("end"));
  const text = await world.service.keyring.seal(keyIds.person(account, request.person), "Le prix a changé.");
  const anew = { ...request, text, reservation: `${request.reservation}-anew` };
  await second.sms.contacts.execute(subject, { type: "Request", request: anew }, cause("ask-anew"));
};

test("who was asked for anew through another replica gets the new text, and not the one that this replica remembers", async () => {
  const account = await world.account("anew");
  const one = only(await world.people(account, 1));
  await askedAnewElsewhere(account, one);
  await takeTurn(first.sms, account, one.contact, { actor: "test" });
  expect(await world.statusOf(account, one.contact)).toBe("accepted");
  expect((await world.sends([one])).map(({ text }) => text)).toEqual(["Le prix a changé."]);
});

test("what stood in the way of an earlier asking does not end the one that another replica has heard of since", async () => {
  const account = await world.account("stood");
  const [one, two] = await world.people(account, 2);
  if (one === undefined || two === undefined) throw new Error("two were made");
  await askedAnewElsewhere(account, one, { line: lineId.parse("other") });
  await takeTurn(first.sms, account, one.contact, { actor: "test" });
  expect(await world.statusOf(account, one.contact)).toBe("accepted");
  // A deferral is the asking's own, too: hours and bases differ by purpose.
  world.neighbours.permit = () => {
    world.neighbours.permit = () => undefined;
    return { kind: "deferred", rule: "outside-hours", until: "2026-11-20T18:00:00.000Z", remedy: "wait" };
  };
  await askedAnewElsewhere(account, two);
  await takeTurn(first.sms, account, two.contact, { actor: "test" });
  expect(await world.statusOf(account, two.contact)).toBe("accepted");
});

test("a line that was paused here and is resumed through another replica sends at once what is asked for then", async () => {
  const account = await world.account("resumed");
  const one = only(await world.people(account, 1));
  const subject = subjects.smsContact(account, one.contact);
  const cause = (commandId: string) => ({ commandId, at: first.service.clock.now() });
  await pauseLine(first.sms, account, main, "phone-offline", { actor: "test" });
  await second.sms.lines.execute(subjects.smsLine(account, main), { type: "Resume", by: "ada" }, cause("resume"));
  await first.sms.contacts.execute(subject, { type: "Request", request: one.request }, cause("ask"));
  await takeTurn(first.sms, account, one.contact, { actor: "test" });
  expect(await world.statusOf(account, one.contact)).toBe("accepted");
});

test("one message in the provider's log is not taken for two contacts with the same words, though two replicas look at the same moment", async () => {
  const account = await world.account("twins");
  for (let round = 0; round < 3; round++) {
    const one = only(await world.people(account, 1));
    const other = contactId.parse(`${one.contact}-2`);
    const twins = [one, { ...one, contact: other, request: { ...one.request, contact: other } }];
    const message = await world.service.keyring.open(one.request.text);
    const body = new URLSearchParams({ apikey: `key-${account}`, recipients: one.number, message });
    await fetch(`${world.simulator.url}/sendsms/`, { method: "POST", body });
    const until = new Date(Date.now() - 61_000).toISOString();
    for (const { contact: id, request } of twins) {
      const tell = (command: ContactCommand) =>
        first.sms.contacts.execute(subjects.smsContact(account, id), command, { commandId: `${command.type}-${id}`, at: "" });
      await tell({ type: "Request", request });
      await tell({ type: "Start", attempt: 1, until, now: first.service.clock.now() });
      await tell({ type: "NoAnswer", attempt: 1, cause: "x", by: "anybody", now: new Date().toISOString() });
    }
    const replicas = [first, second];
    await Promise.all(
      twins.map(({ contact: id }, at) => reconcile(replicas[at]?.sms ?? first.sms)(account, id, { actor: "test" }, { round: 2 })),
    );
    const statuses = await Promise.all(twins.map(({ contact: id }) => world.statusOf(account, id)));
    expect(statuses.toSorted()).toEqual(["accepted", "unknown"]);
  }
});

test("a reply is told to the contact that it was recorded for, also by a replica that stood still while another one recorded it", async () => {
  const account = await world.account("replied");
  const one = only(await world.people(account, 1));
  const later = { ...one, contact: contactId.parse(`${one.contact}-2`) };
  const message = { key: "reply-1", from: new Personal(one.number), text: new Personal("Oui"), at: "2026-11-20T10:00:00.000Z" };
  await world.request(account, one);
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
  const { inbounds } = first.sms;
  const stoodStill: Sms = {
    ...first.sms,
    inbounds: {
      ...inbounds,
      fold: async (...asked) => {
        const looked = structuredClone(await inbounds.fold(...asked));
        await takeInbound(second.sms, account, message, { actor: "test" });
        await world.request(account, { ...later, request: { ...one.request, contact: later.contact, reservation: "later" } });
        await expect.poll(() => world.statusOf(account, later.contact), within).toBe("accepted");
        return looked;
      },
    },
  };
  await takeInbound(stoodStill, account, message, { actor: "test" });
  expect(await world.typesOf(account, one)).toContain("ContactReplied");
  expect(await world.typesOf(account, later)).not.toContain("ContactReplied");
});

test("a turn for later that is given to somebody asked for anew elsewhere ends while their hunt is paused", async () => {
  await using alone = await openWorld();
  const { sms } = await alone.open("only");
  const account = await alone.account("paced", { minGapMs: 600_000 });
  const hunt = huntId.parse("paced");
  const [ahead, one] = await alone.people(account, 2, { hunt });
  if (ahead === undefined || one === undefined) throw new Error("two were made");
  const subject = subjects.smsContact(account, one.contact);
  const { jsm, publisher } = alone.kernel;
  const elsewhere = aggregate(jetStreamStore({ jsm, publisher, stream: streams.sms.name, codec: contactCodec }), contact);
  await sms.contacts.execute(subject, { type: "Request", request: one.request }, { commandId: "ask", at: "" });
  await sms.contacts.execute(subject, { type: "Gate", rule: "line-day-full" }, { commandId: "end", at: "" });
  await alone.append(streams.hunts.name, huntCodec, subjects.hunt(account, hunt), { type: "HuntPaused", data: { by: "ada" } });
  const pausesInHand = async () => {
    const { num_ack_pending, num_pending } = await jsm.consumers.info(streams.hunts.name, followed.hunts.durable);
    return num_ack_pending + num_pending;
  };
  await expect.poll(pausesInHand, within).toBe(0);
  const anew = { ...one.request, reservation: "anew" };
  await elsewhere.execute(subject, { type: "Request", request: anew }, { commandId: "ask-anew", at: "" });
  const wanted = [ahead, one].map(({ request: { contact: id, person } }) => ({ contact: id, person }));
  await askForTurns(sms, account, main, wanted, { actor: "test" });
  await expect.poll(() => alone.statusOf(account, one.contact), within).toBe("gated: paused");
});

/** A replica whose watch stands: after what a newer release has written everything is known to other replicas alone. */
const behind = async (alone: World): Promise<Opened> => {
  const opened = await alone.open("only");
  const newer = { at: opened.service.clock.now(), events: [{ type: "AccountPolicyChanged", version: 99, data: {} }] };
  const elsewhere = subjects.account(accountId.parse("elsewhere"));
  await alone.kernel.publisher.publish(elsewhere, Buffer.from(JSON.stringify(newer)), headerLine("Outrider-Command", "newer"));
  await expect.poll(() => opened.service.health.reasons().join(), within).toContain("was written by a newer release");
  return opened;
};

test("a line is polled on by whoever knows it, when the look came to a replica that has not heard of it", async () => {
  await using alone = await openWorld({ POLL_PROVIDER_MS: "250" });
  const { service, sms } = await behind(alone);
  const account = await alone.account("unpolled");
  const isOpen = () => sms.schedules.isOpen("poll", scheduleKey(account, main));
  const due = `due.sms-sender.poll.${scheduleKey(account, main)}`;
  const came = async () => (await service.jsm.streams.info("SCHEDULE", { subjects_filter: due })).state.subjects?.[due] ?? 0;
  const told = async () => ((await isOpen()) ? service.health.reasons().join() : "nobody polls it");
  await expect.poll(told, within).toMatch(/which lines are connected|nobody polls it/);
  expect(await came()).toBe(1);
});

test("a webhook is not taken unsigned by a replica that has not heard of the line's secret", async () => {
  await using alone = await openWorld();
  const { service } = await behind(alone);
  const account = await alone.account("unheard-of");
  const one = only(await alone.people(account, 1));
  const data = { guid: "forged", from: one.number, message: "STOP" };
  const body = JSON.stringify({ id: "forged", type: "sms.received", occurred_at: new Date().toISOString(), data });
  await alone.webhook(account, {}, body);
  await expect.poll(() => service.health.reasons().join() + saidOf(alone, one).join(), within).toMatch(/signs a webhook|opt-out/);
  expect(saidOf(alone, one)).toEqual([]);
});
