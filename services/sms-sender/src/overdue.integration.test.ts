import type { AccountId } from "@outrider/contracts/ids";
import { streams, subjects } from "@outrider/contracts/streams";
import { noFaults } from "@outrider/simulators";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectPaced } from "./testing-pace.ts";
import { main, type Opened, only, openWorld, type World } from "./testing-world.ts";

/** Two replicas that look all the time, and contacts whose schedules are lost. */
let world: World;
let first: Opened;
beforeAll(async () => {
  world = await openWorld({
    ATTEMPT_TIMEOUT_MS: "1000",
    OVERDUE_EVERY_MS: "300",
    OVERDUE_AFTER_MS: "500",
    RECONCILE_AFTER_MS: "0,3600000",
  });
  [first] = await Promise.all([world.open("first"), world.open("second")]);
});
afterAll(() => world[Symbol.asyncDispose]());

const within = { timeout: 30_000, interval: 50 };
const loseSchedules = () => world.service.jsm.streams.purge(streams.schedule.name, { filter: "schedule.sms-sender.>" });
const armed = async (name: string): Promise<number> => {
  const { state } = await world.service.jsm.streams.info(streams.schedule.name, { subjects_filter: `schedule.sms-sender.${name}.>` });
  return Object.keys(state.subjects ?? {}).length;
};
const openTurns = async (account: AccountId) => (await first.sms.lines.fold(subjects.smsLine(account, main))).state.open;
const idle = { actor: "test" };

test("deferred contacts whose schedules were lost are sent after a look, once each, and ended ones are not touched", async () => {
  const account = await world.account("deferred");
  const [ended, people] = [await world.people(account, 5), await world.people(account, 25)];
  for (const one of ended) await world.request(account, one);
  await expect.poll(() => world.statuses(account, ended), within).toEqual(new Set(["accepted"]));
  const before = await Promise.all(ended.map(({ contact }) => world.contactEvents(account, contact)));

  const others = await armed("wanted");
  const until = new Date(first.service.clock.nowMs() + 2500).toISOString();
  world.neighbours.permit = ({ account: of }) =>
    of === account && first.service.clock.now() < until ? { kind: "deferred", until, rule: "outside-hours", remedy: "wait" } : undefined;
  await world.page(account, "2026-11-20", people);
  await expect.poll(() => armed("wanted"), within).toBe(others + people.length);
  expect((await loseSchedules()).purged).toBeGreaterThanOrEqual(people.length);
  await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
  expect(await world.sends(people)).toHaveLength(people.length);
  expect(first.service.clock.now() > until).toBe(true);
  expect(await Promise.all(ended.map(({ contact }) => world.contactEvents(account, contact)))).toEqual(before);
});

test("contacts whose turns were lost get other turns, and keep their line's gap", async () => {
  const account = await world.account("paced", { minGapMs: 1200 });
  const people = await world.people(account, 4);
  await world.page(account, "2026-11-20", people);
  await expect.poll(() => armed("turn"), within).toBeGreaterThanOrEqual(2);
  await loseSchedules();
  await expect.poll(() => world.statuses(account, people), within).toEqual(new Set(["accepted"]));
  await expectPaced(world, account, people, 1200);
});

test("an attempt whose look-after was lost becomes unknown, is reconciled, and never sent again", async () => {
  const account = await world.account("attempting");
  const one = only(await world.people(account, 1));
  const subject = subjects.smsContact(account, one.contact);
  await first.sms.contacts.execute(subject, { type: "Request", request: one.request }, { commandId: "r", at: "" });
  const start = { type: "Start", attempt: 1, until: new Date(Date.now() - 61_000).toISOString(), now: first.service.clock.now() } as const;
  await first.sms.contacts.execute(subject, start, { commandId: "s", at: "" });
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("unknown");
  expect(await world.sends([one])).toEqual([]);
});

test("an unknown contact whose question to the sent log was lost is accepted when the log shows it", async () => {
  const account = await world.account("unknown");
  const one = only(await world.people(account, 1));
  await world.simulator.setFaults({ cutAfter: 1 });
  const subject = subjects.smsContact(account, one.contact);
  await first.sms.contacts.execute(subject, { type: "Request", request: one.request }, { commandId: "r", at: "" });
  const message = await world.service.keyring.open(one.request.text);
  const body = new URLSearchParams({ apikey: `key-${account}`, recipients: one.number, message });
  await fetch(`${world.simulator.url}/sendsms/`, { method: "POST", body }).catch(() => undefined); // it took it, and its answer was cut off
  await world.simulator.setFaults(noFaults);
  const until = new Date(Date.now() - 65_000).toISOString();
  await first.sms.contacts.execute(
    subject,
    { type: "Start", attempt: 1, until, now: first.service.clock.now() },
    { commandId: "s", at: "" },
  );
  const noAnswer = { type: "NoAnswer", attempt: 1, cause: "x", by: "anybody", now: new Date().toISOString() } as const;
  await first.sms.contacts.execute(subject, noAnswer, { commandId: "n", at: "" });
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
  expect(await world.sends([one])).toHaveLength(1);
});

test("turns that an ended contact has left on its line are taken back", async () => {
  const account = await world.account("leftover", { minGapMs: 1500 });
  const people = await world.people(account, 3);
  await world.page(account, "2026-11-20", people);
  await expect.poll(async () => (await openTurns(account)).size, within).toBeGreaterThanOrEqual(2);
  for (const { contact } of people) {
    await first.sms.contacts.execute(
      subjects.smsContact(account, contact),
      { type: "Gate", rule: "erased" },
      { commandId: contact, at: "", ...idle },
    );
  }
  await loseSchedules();
  await expect.poll(async () => (await openTurns(account)).size, within).toBe(0);
});
