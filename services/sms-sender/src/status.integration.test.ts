import { type AccountId, contactId, lineId } from "@outrider/contracts/ids";
import { smsCommands } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { noFaults } from "@outrider/simulators";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { names, sentLogLook, statusLook } from "./config.ts";
import type { ContactCommand } from "./contact.ts";
import { scheduleKey } from "./context.ts";
import type { SmsProvider } from "./providers/sms-provider.ts";
import { reconcile } from "./reconcile.ts";
import { lookAt, statusAlarms } from "./status.ts";
import { scheduleReconciliation } from "./tail.ts";
import { main, type Opened, openTurns, openWorld, type Someone, type World, within } from "./testing-world.ts";

let world: World;
let first: Opened;
/** Messages of which the provider was asked, and those of which it answers nothing: one account's first. */
const asked: string[] = [];
const mute = new Set<string>();
beforeAll(async () => {
  world = await openWorld({ STATUS_AFTER_MS: "400,1200,60000", ATTEMPT_TIMEOUT_MS: "2000" });
  const open = (replica: string) =>
    world.open(replica, {}, (real) => ({
      ...real,
      statusOf: async (access, providerId) => {
        asked.push(providerId);
        if (access.apiKey === "key-one-mute" && mute.size === 0) mute.add(providerId);
        return mute.has(providerId) ? undefined : real.statusOf(access, providerId);
      },
    }));
  [first] = await Promise.all([open("first"), open("second")]);
});
afterEach(async () => void (await world.simulator.setFaults(noFaults)));
afterAll(() => world[Symbol.asyncDispose]());

const lastOf = async (account: AccountId, people: readonly Someone[]): Promise<Readonly<Record<string, number>>> => {
  const last = await Promise.all(people.map(async (one) => (await world.typesOf(account, one)).at(-1) ?? "none"));
  return Object.fromEntries(
    Map.groupBy(last, (type) => type)
      .entries()
      .map(([type, all]) => [type, all.length]),
  );
};
/** Questions to the sent log by now. */
const questions = async (): Promise<number> =>
  (await Array.fromAsync(world.simulator.log())).filter(({ operation }) => operation === "log/sent/sms").length;
/** A contact that never had a turn, so that no look at its line's turns comes to it. */
const becomesUnknown = async (account: AccountId, { contact, request }: Someone): Promise<void> => {
  const now = first.service.clock.now();
  const steps: readonly ContactCommand[] = [
    { type: "Request", request },
    { type: "Start", attempt: 1, until: new Date(Date.now() - 120_000).toISOString(), now },
    { type: "NoAnswer", attempt: 1, cause: "x", by: "holder", now },
  ];
  for (const step of steps) {
    await first.sms.contacts.execute(subjects.smsContact(account, contact), step, { commandId: step.type, at: "" });
  }
};

test("without one webhook, what the phone sent and could not send is found in the provider's log, and the failed are given back", async () => {
  const account = await world.account("silent");
  await world.listenTo(account);
  await world.simulator.setFaults({ webhooks: false, failDelivery: 0.3, sendingMs: 10 });
  const people = await world.people(account, 120);
  await world.page(account, "2026-11-20", people);
  await expect.poll(async () => Object.keys(await lastOf(account, people)).toSorted(), within).toEqual(["ContactFailed", "ContactSent"]);
  const rows = await world.sends(people);
  const failed = rows.filter(({ phone }) => phone === "failed").length;
  expect(failed).toBeGreaterThan(0);
  expect(await lastOf(account, people)).toEqual({ ContactFailed: failed, ContactSent: people.length - failed });
  const lost = people.find(({ number }) => rows.some(({ to, phone }) => to === number && phone === "failed"));
  if (lost === undefined) throw new Error("one failed");
  expect((await world.contactEvents(account, lost.contact)).at(-1)).toMatchObject({
    data: { reservation: "pass-2026-11-20", credits: 1 },
  });
});

test("what a webhook has told is not asked for", async () => {
  const account = await world.account("told");
  await world.listenTo(account);
  await world.simulator.setFaults({ sendingMs: 10 });
  const people = await world.people(account, 20);
  await world.page(account, "2026-11-20", people);
  await expect.poll(() => lastOf(account, people), within).toEqual({ ContactSent: people.length });
  const [silent] = await world.people(account, 1);
  if (silent === undefined) throw new Error("one was made");
  await world.simulator.setFaults({ webhooks: false, sendingMs: 60_000 });
  await world.request(account, silent);
  await expect.poll(() => lastOf(account, [silent]), within).toEqual({ ContactAccepted: 1 });
  await expect.poll(() => openTurns(first, account), within).toBe(0);
  const own: string[] = [];
  const stillConnected: typeof first.sms.stillConnected = (...line) => {
    const real = first.sms.stillConnected(...line);
    if (real === undefined) return undefined;
    const statusOf: SmsProvider["statusOf"] = async (access, providerId) => {
      own.push(providerId);
      return real.provider.statusOf(access, providerId);
    };
    return { ...real, provider: { ...real.provider, statusOf } };
  };
  const turns = { after: 0, upTo: new Date(first.service.clock.nowMs() + 60_000).toISOString() };
  const look = { account, line: main, key: "all", turns, round: 0, unanswered: 0 };
  await lookAt({ ...first.sms, stillConnected }, look, { actor: "test" });
  expect(own).toEqual((await world.sends([silent])).map(({ id }) => id));
});

test("a message that the phone has not sent yet is asked for again", async () => {
  const account = await world.account("later");
  await world.simulator.setFaults({ webhooks: false, sendingMs: 1000 });
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  const before = await questions();
  await world.request(account, one);
  await expect.poll(questions, within).toBeGreaterThan(before);
  expect(await world.typesOf(account, one)).not.toContain("ContactSent");
  await expect.poll(() => lastOf(account, [one]), within).toEqual({ ContactSent: 1 });
});

test("a log that cannot be read is asked again", async () => {
  const account = await world.account("unreadable");
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  const before = await questions();
  await world.simulator.setFaults({ webhooks: false, sendingMs: 10, readError: 1 });
  await world.request(account, one);
  await expect.poll(questions, within).toBeGreaterThan(before);
  await world.simulator.setFaults({ readError: 0 });
  expect(await world.typesOf(account, one)).not.toContain("ContactSent");
  await expect.poll(() => lastOf(account, [one]), within).toEqual({ ContactSent: 1 });
});

test("a message whose answer was lost is asked for after it was found", async () => {
  const account = await world.account("found");
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  await world.simulator.setFaults({ cutAfter: 1, webhooks: false, sendingMs: 10 });
  await world.request(account, one);
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("unknown");
  await world.simulator.setFaults({ webhooks: false, sendingMs: 10 });
  await reconcile(first.sms)(account, one.contact, { actor: "test" }, { round: 0 });
  await expect.poll(() => lastOf(account, [one]), within).toEqual({ ContactSent: 1 });
});

test("one message of which the provider answers nothing holds up no other of its line's, and is asked for again", async () => {
  const account = await world.account("one-mute");
  await world.simulator.setFaults({ webhooks: false, sendingMs: 10 });
  const people = await world.people(account, 12);
  await world.page(account, "2026-11-20", people);
  await expect.poll(() => lastOf(account, people), within).toEqual({ ContactAccepted: 1, ContactSent: 11 });
  expect(mute.size).toBe(1);
  mute.add("nobody's").delete([...mute][0] ?? "");
  await expect.poll(() => lastOf(account, people), within).toEqual({ ContactSent: 12 });
});

test("a message that a person found to be sent is not asked for: the provider knows no such id", async () => {
  const account = await world.account("by-person");
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  const { contact } = one;
  await becomesUnknown(account, one);
  await world.service.ask(smsCommands.resolve, { account, contact, as: "sent", by: "ada" });
  await lookAt(first.sms, { account, line: main, key: contact, contact, round: 0, unanswered: 0 }, { actor: "test" });
  expect(await world.statusOf(account, contact)).toBe("accepted");
  expect(asked.filter((id) => id.startsWith("person:"))).toEqual([]);
});

test("an unknown message is looked for from before its attempt began, and the first that is like it is taken", async () => {
  const account = await world.account("alike");
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  await becomesUnknown(account, one);
  const subject = subjects.smsContact(account, one.contact);
  const { state } = await first.sms.contacts.fold(subject);
  const until = state.status === "unknown" ? Date.parse(state.until) : 0;
  const since: string[] = [];
  const connected: typeof first.sms.connected = (...line) => {
    const real = first.sms.connected(...line);
    const findSent: SmsProvider["findSent"] = async (_access, { since: from, to, text }) => {
      since.push(from);
      return ["later", "earlier"].map((providerId, index) => ({
        providerId,
        to: to.reveal(),
        text: text.reveal(),
        at: new Date(until - index * 1000).toISOString(),
      }));
    };
    return real === undefined ? undefined : { ...real, provider: { ...real.provider, findSent } };
  };
  await reconcile({ ...first.sms, connected })(account, one.contact, { actor: "test" }, { round: 0 });
  expect((await world.contactEvents(account, one.contact)).at(-1)).toMatchObject({ data: { providerId: "earlier", by: "reconciliation" } });
  expect(since).toEqual([new Date(until - 2000 - 60_000).toISOString()]);
});

test("the sent log that cannot be read is asked about an unknown attempt again, and not for ever", async () => {
  const account = await world.account("log-never-read");
  const contact = contactId.parse("log-never-read");
  const ask = async (unanswered: number): Promise<boolean> => {
    await scheduleReconciliation(first.sms, account, contact, first.service.clock.realNow(), { round: 0, unanswered }, { actor: "test" });
    return first.sms.schedules.isOpen(names.reconcile, scheduleKey(account, contact));
  };
  expect(await ask(sentLogLook.mostUnanswered + 1)).toBe(false);
  expect(await ask(sentLogLook.mostUnanswered)).toBe(true);
});

test("a provider that never answers is asked again, and not for ever", async () => {
  const account = await world.account("never-answers");
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  const { contact } = one;
  await becomesUnknown(account, one);
  const accept = { type: "Accept", attempt: 1, providerId: "never", by: "reconciliation" } as const;
  await first.sms.contacts.execute(subjects.smsContact(account, contact), accept, { commandId: "adopted", at: "" });
  mute.add("never");
  const key = scheduleKey(account, `${main}-${contact}`);
  const askedAgain = async (unanswered: number): Promise<boolean> => {
    await lookAt(first.sms, { account, line: main, key: contact, contact, round: 0, unanswered }, { actor: "test" });
    return first.sms.schedules.isOpen(names.status, key);
  };
  expect(await askedAgain(statusLook.mostUnanswered)).toBe(false);
  expect(await askedAgain(statusLook.mostUnanswered - 1)).toBe(true);
});

test("of very many lines, those are remembered for which a look was set last", async () => {
  const account = await world.account("many-lines");
  const armed: string[] = [];
  const at: typeof first.sms.schedules.at = async (_name, key) => void armed.push(key);
  const { service, schedules } = first.sms;
  const clock = { ...service.clock, nowMs: () => Date.parse("2026-11-20T10:00:00.100Z") };
  const alarm = statusAlarms({ ...first.sms, service: { ...service, clock }, schedules: { ...schedules, at } });
  const turn = (index: number, seq = 7) => alarm(account, lineId.parse(`line-${index}`), seq, { actor: "test" });
  const most = statusLook.linesRemembered;
  for (let index = 0; index < most; index++) await turn(index);
  await turn(0, 6); // of an earlier message, which the look that is set would pass over
  await turn(most);
  expect(armed).toHaveLength(most + 2);
  for (const index of [0, 2, most]) await turn(index);
  expect(armed).toHaveLength(most + 2);
  await turn(1);
  expect(armed).toHaveLength(most + 3);
});

test("a message that was found by somebody who was killed right after is asked for, too", async () => {
  const account = await world.account("found-and-killed");
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  await world.simulator.setFaults({ webhooks: false, sendingMs: 10 });
  await becomesUnknown(account, one);
  const body = new URLSearchParams({ apikey: `key-${account}`, recipients: one.number, message: "Bonjour" });
  await fetch(`${world.simulator.url}/sendsms/`, { method: "POST", body });
  const [row] = await world.sends([one]);
  const accept = { type: "Accept", attempt: 1, providerId: row?.id ?? "", by: "reconciliation" } as const;
  await first.sms.contacts.execute(subjects.smsContact(account, one.contact), accept, { commandId: "adopted", at: "" });
  await reconcile(first.sms)(account, one.contact, { actor: "test" }, { round: 0 });
  await expect.poll(() => lastOf(account, [one]), within).toEqual({ ContactSent: 1 });
});
