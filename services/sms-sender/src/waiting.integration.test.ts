import { huntCodec } from "@outrider/contracts/hunts";
import { type AccountId, huntId, partitionOf, systemAccount } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec, erasureCodec } from "@outrider/contracts/registry";
import { streams, subjects } from "@outrider/contracts/streams";
import { noFaults } from "@outrider/simulators";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { followed } from "./config.ts";
import { type Opened, only, openTurns, openWorld, type Someone, type World, within } from "./testing-world.ts";

let world: World;
let first: Opened;
beforeAll(async () => {
  world = await openWorld({ ATTEMPT_TIMEOUT_MS: "10000" });
  [first] = await Promise.all([world.open("first"), world.open("second")]);
});
afterEach(async () => {
  world.neighbours.permit = () => undefined;
  await world.simulator.setFaults(noFaults);
});
afterAll(() => world[Symbol.asyncDispose]());

const inHours = (hours: number) => new Date(first.service.clock.nowMs() + hours * 3_600_000).toISOString();
const become = (account: AccountId, people: readonly Someone[], status: string) =>
  expect.poll(() => world.statuses(account, people), within).toEqual(new Set([status]));
const say = (account: AccountId, ...events: AccountEvent[]) =>
  world.append(streams.registry.name, accountCodec, subjects.account(account), ...events);
const pause = (account: AccountId) => say(account, { type: "AccountPaused", data: { by: "ada" } });
const resume = (account: AccountId) => say(account, { type: "AccountResumed", data: { by: "ada" } });
const waitingFor = async (account: AccountId): Promise<number> =>
  (await Array.fromAsync(first.sms.schedules.pending("wanted", `${partitionOf(account)}.${account}`))).flat().length;
/** Messages of pauses that are not done with. */
const pausesInHand = async (): Promise<number> => {
  const { num_ack_pending, num_pending } = await world.kernel.jsm.consumers.info(streams.registry.name, followed.accounts.durable);
  return num_ack_pending + num_pending;
};

/** All permits of an account are deferred for some hours, so that its contacts wait for their moment. */
const defer = (account: AccountId, hours = 5): void => {
  const until = inHours(hours);
  const before = world.neighbours.permit;
  world.neighbours.permit = (asked, now) =>
    asked.account === account ? { kind: "deferred", until, rule: "outside-hours", remedy: "wait" } : before(asked, now);
};
const deferred = async (name: string, count: number, more: Parameters<World["people"]>[2] = {}) => {
  const account = await world.account(name);
  defer(account);
  const people = await world.people(account, count, more);
  await world.page(account, "2026-11-20", people);
  await expect.poll(() => waitingFor(account), within).toBe(count);
  await expect.poll(() => openTurns(first, account), within).toBe(0);
  expect(await world.statuses(account, people)).toEqual(new Set(["requested"]));
  return { account, people };
};

test("a pause of the account ends at once what waits for a lawful moment, gives the credits back, and a later pass asks again", async () => {
  const { account, people } = await deferred("lawful", 400);
  await pause(account);
  await become(account, people, "gated: paused");
  const [someone] = people;
  if (someone === undefined) throw new Error("400 were made");
  expect((await world.contactEvents(account, someone.contact)).at(-1)).toMatchObject({
    type: "ContactGated",
    data: { rule: "paused", reservation: "pass-2026-11-20", credits: 1 },
  });
  world.neighbours.permit = () => undefined;
  await resume(account);
  await world.page(account, "2026-11-21", people);
  await become(account, people, "accepted");
  expect(await world.sends(people)).toHaveLength(people.length);
});

test("a pause of one hunt ends its own and leaves the others waiting; a pause of everything ends them, too", async () => {
  const [one, other] = [huntId.parse("one"), huntId.parse("other")];
  const { account, people } = await deferred("hunts", 20, { hunt: one });
  const others = await world.people(account, 5, { hunt: other });
  await world.page(account, "2026-11-21", others);
  await expect.poll(() => waitingFor(account), within).toBe(25);
  await world.append(streams.hunts.name, huntCodec, subjects.hunt(account, one), { type: "HuntPaused", data: { by: "ada" } });
  await become(account, people, "gated: paused");
  expect(await world.statuses(account, others)).toEqual(new Set(["requested"]));
  await pause(systemAccount);
  await become(account, others, "gated: paused");
  await resume(systemAccount);
  await expect.poll(() => first.sms.accounts.pausedBy(account), within).toBeUndefined();
});

test("a pause ends what the provider asked to come later, also when its answer comes after the pause", async () => {
  const account = await world.account("limited");
  const [before, after] = await world.people(account, 2);
  if (before === undefined || after === undefined) throw new Error("two were made");
  await world.simulator.setFaults({ tooMany: 1, retryAfterS: 3600 });
  await world.request(account, before);
  await expect.poll(() => world.typesOf(account, before), within).toContain("AttemptRefusedForNow");
  await world.simulator.setFaults({ tooMany: 1, retryAfterS: 3600, latencyMs: 1500 });
  await world.request(account, after);
  await expect.poll(() => world.typesOf(account, after), within).toContain("AttemptStarted");
  await expect.poll(async () => (await world.sends([after])).length, within).toBe(1);
  await pause(account);
  await become(account, [before], "gated: paused");
  expect(await world.typesOf(account, after)).toEqual(["ContactRequested", "AttemptStarted"]);
  await become(account, [after], "gated: paused");
});

test("a turn that is given for later while its hunt is paused ends, and does not wait for its time", async () => {
  const account = await world.account("paced", { minGapMs: 600_000 });
  const hunt = huntId.parse("paced");
  await world.append(streams.hunts.name, huntCodec, subjects.hunt(account, hunt), { type: "HuntPaused", data: { by: "ada" } });
  await expect.poll(() => first.sms.accounts.pausedBy(account, hunt), within).toBe("hunt");
  const people = await world.people(account, 4, { hunt });
  await world.page(account, "2026-11-20", people);
  await become(account, people, "gated: paused");
  await expect.poll(() => openTurns(first, account), within).toBe(0);
});

test("an erasure ends at once what waits for that person, for a moment or for a turn, and nobody else's", async () => {
  const { account, people } = await deferred("erasing", 10);
  const [one, another, ...rest] = people;
  if (one === undefined || another === undefined) throw new Error("ten were made");
  const paced = await world.account("erasing-paced", { minGapMs: 600_000 });
  const turns = await world.people(paced, 3);
  await world.page(paced, "2026-11-20", turns);
  await expect.poll(() => openTurns(first, paced), within).toBe(2);
  const [, second, third] = turns;
  if (second === undefined || third === undefined) throw new Error("three were made");
  const erase = (of: AccountId, { request: { person } }: Someone) =>
    world.append(streams.registry.name, erasureCodec, subjects.erasure(of, person), { type: "ErasureAnnounced", data: { person } });
  await Promise.all([erase(account, one), erase(account, another), erase(paced, third)]);
  await become(account, [one, another], "gated: erased");
  await become(paced, [third], "gated: erased");
  expect(await world.statuses(account, rest)).toEqual(new Set(["requested"]));
  expect(await world.statusOf(paced, second.contact)).toBe("requested");
  await expect.poll(() => openTurns(first, paced), within).toBe(1);
});

test("an erasure during an attempt ends the contact when the provider asks to come later", async () => {
  const account = await world.account("erased-late");
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  await world.simulator.setFaults({ tooMany: 1, retryAfterS: 3600, latencyMs: 1200 });
  await world.request(account, one);
  await expect.poll(() => world.typesOf(account, one), within).toContain("AttemptStarted");
  const { person } = one.request;
  await world.append(streams.registry.name, erasureCodec, subjects.erasure(account, person), {
    type: "ErasureAnnounced",
    data: { person },
  });
  await become(account, [one], "gated: erased");
  expect(await world.typesOf(account, one)).toContain("AttemptRefusedForNow");
});

test("a contact of an erased person that begins to wait after the look ends at the next one, and not hours later at its moment", async () => {
  const account = await world.account("erased-before");
  defer(account);
  const [one] = await world.people(account, 1);
  if (one === undefined) throw new Error("one was made");
  const { person } = one.request;
  const erasures = async () => (await Array.fromAsync(first.sms.schedules.pending("erased", `${partitionOf(account)}.${account}`))).flat();
  await world.append(streams.registry.name, erasureCodec, subjects.erasure(account, person), {
    type: "ErasureAnnounced",
    data: { person },
  });
  const key = `${partitionOf(account)}.${account}.${person}`;
  await expect.poll(erasures, within).toEqual([key]);
  await world.page(account, "2026-11-20", [one]);
  await expect.poll(() => waitingFor(account), within).toBe(1);
  // Its moment has come.
  await first.sms.schedules.at("erased", key, new Date(), { account, person }, { commandId: "now", at: "" });
  await become(account, [one], "gated: erased");
  expect(await erasures()).toEqual([]);
});

test("one contact that nobody can read holds up the end of no other: not its account's, not an erasure's, not everybody's", async () => {
  const [one, other] = [await deferred("broken", 6), await deferred("whole", 3)];
  const [broken, erased, ...rest] = one.people;
  if (broken === undefined || erased === undefined) throw new Error("six were made");
  await first.sms.kernel.js.publish(subjects.smsContact(one.account, broken.contact), "not json");
  const { person } = erased.request;
  await world.append(streams.registry.name, erasureCodec, subjects.erasure(one.account, person), {
    type: "ErasureAnnounced",
    data: { person },
  });
  await become(one.account, [erased], "gated: erased");
  await pause(one.account);
  await become(one.account, rest, "gated: paused");
  await resume(one.account);
  await pause(systemAccount);
  await become(other.account, other.people, "gated: paused");
  await expect.poll(() => pausesInHand(), within).toBe(0);
  await resume(systemAccount);
  await expect.poll(() => first.sms.accounts.pausedBy(other.account), within).toBeUndefined();
});

test("a pause ends what waits also when the watch of the accounts was behind for long", async () => {
  await using alone = await openWorld();
  const { sms } = await alone.open("only");
  const account = await alone.account("behind");
  const until = new Date(sms.service.clock.nowMs() + 3_600_000).toISOString();
  alone.neighbours.permit = () => ({ kind: "deferred", until, rule: "outside-hours", remedy: "wait" });
  const people = await alone.people(account, 2);
  await alone.page(account, "2026-11-20", people);
  const waiting = async () => (await Array.fromAsync(sms.schedules.pending("wanted", `${partitionOf(account)}.${account}`))).flat().length;
  await expect.poll(waiting, within).toBe(2);
  const isCurrent = vi.spyOn(sms.accounts, "isCurrent").mockReturnValue(false);
  const pausedBy = vi.spyOn(sms.accounts, "pausedBy").mockReturnValue(undefined);
  await alone.append(streams.registry.name, accountCodec, subjects.account(account), { type: "AccountPaused", data: { by: "ada" } });
  await expect.poll(() => isCurrent.mock.calls.length + pausedBy.mock.calls.length, within).toBeGreaterThan(24);
  isCurrent.mockRestore();
  pausedBy.mockRestore();
  const all = () => Promise.all(people.map(({ contact }) => alone.statusOf(account, contact)));
  await expect.poll(all, within).toEqual(people.map(() => "gated: paused"));
});

test("an account that could not be ended when everything was paused holds up no other, and is ended when the pause is told again", async () => {
  await using alone = await openWorld();
  const { sms } = await alone.open("only");
  const until = new Date(sms.service.clock.nowMs() + 3_600_000).toISOString();
  alone.neighbours.permit = () => ({ kind: "deferred", until, rule: "outside-hours", remedy: "wait" });
  const accounts = [await alone.account("stuck"), await alone.account("other")];
  const contacts = await Promise.all(accounts.map(async (account) => ({ account, ...only(await alone.people(account, 1)) })));
  for (const one of contacts) await alone.request(one.account, one);
  for (const one of contacts) {
    await expect.poll(() => alone.typesOf(one.account, one), within).toContain("ContactDeferred");
    await expect.poll(() => openTurns({ sms }, one.account), within).toBe(0);
  }
  const statuses = () => Promise.all(contacts.map(({ account, contact }) => alone.statusOf(account, contact)));
  const pending = vi.spyOn(sms.schedules, "pending").mockImplementationOnce(() => {
    throw new Error("of one account, nothing can be read now");
  });
  const everything = subjects.account(systemAccount);
  await alone.append(streams.registry.name, accountCodec, everything, { type: "AccountPaused", data: { by: "ada" } });
  await expect.poll(statuses, within).toEqual(["gated: paused", "gated: paused"]);
  expect(pending.mock.results[0]?.type).toBe("throw");
  pending.mockRestore();
});
