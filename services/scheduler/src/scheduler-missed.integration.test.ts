import { type AccountId, accountId, partitionOf } from "@outrider/contracts/ids";
import { streams } from "@outrider/contracts/streams";
import { orUndefined } from "@outrider/eventing";
import { Refusal } from "@outrider/platform";
import { afterAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { due } from "./alarms.ts";
import { names } from "./config.ts";
import { nineIn, openWorld, policy } from "./testing-world.ts";

const world = await openWorld();
const { allocator, begunBy, create, daily, open, pendingDue, ran, scheduleOf, service, startsOf, write } = world;
beforeEach(world.clear);
afterAll(world.end);

test("a day that began while the scheduler was down starts once when it is back", async () => {
  const account = accountId.parse("late");
  await create(account);
  const offset = nineIn(3000);
  const before = await open("one", offset);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true });
  await before[Symbol.asyncDispose]();
  await expect.poll(pendingDue, { timeout: 20_000 }).toBeGreaterThan(0);
  await allocator(() => undefined);
  await open("two", offset);
  await expect.poll(() => begunBy(account), { timeout: 20_000 }).toHaveLength(1);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, next: "2027-03-03T08:00:00.000Z" });
  expect(begunBy(account)).toHaveLength(1);
});

/** Whether the account's alarm has come due and is not done with. */
const dueOf = async (account: AccountId): Promise<boolean> => {
  const last_by_subj = `due.scheduler.${names.dailyRun}.${partitionOf(account)}.${account}.${account}`;
  return (await orUndefined(() => service.jsm.streams.getMessage(streams.schedule.name, { last_by_subj }))) != null;
};

test("a day that came due while the scheduler was down does not begin when the account has switched it off meanwhile", async () => {
  const account = accountId.parse("switched-off");
  const seq = await create(account);
  const offset = nineIn(3000);
  const before = await open("one", offset);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true });
  await before[Symbol.asyncDispose]();
  await expect.poll(() => dueOf(account), { timeout: 20_000 }).toBe(true);
  await write(account, seq, { type: "AccountPolicyChanged", data: { policy: { ...policy, dailyRunEnabled: false } } });
  await allocator(() => undefined);
  await open("two", offset);
  await expect.poll(() => dueOf(account), { timeout: 20_000 }).toBe(false);
  expect(await daily(account)).toMatchObject({ armed: false });
  expect(begunBy(account)).toEqual([]);
});

test("a day whose schedule was lost begins at the next look, once, unless it has had its run; the one after is armed again", async () => {
  const [lost, done] = [accountId.parse("lost"), accountId.parse("done")];
  ran.add(done);
  await allocator(() => undefined);
  const offset = nineIn(3000);
  await Promise.all([create(lost), create(done)]);
  await Promise.all([open("one", offset), open("two", offset)]);
  const armed = { timeout: 20_000, interval: 20 };
  for (const account of [lost, done]) await expect.poll(() => daily(account), armed).toMatchObject({ armed: true });
  // Until the moment has passed, as if the whole stream were away.
  const purge = () => service.jsm.streams.purge(streams.schedule.name, { filter: "schedule.scheduler.>" });
  while (offset + Date.now() < Date.parse("2027-03-02T08:00:00.000Z")) await purge();
  for (const account of [lost, done])
    await expect.poll(() => daily(account), armed).toMatchObject({ armed: true, next: "2027-03-03T08:00:00.000Z" });
  await expect.poll(() => begunBy(lost), { timeout: 10_000 }).toHaveLength(1);
  expect(begunBy(lost)).toHaveLength(1);
  expect(begunBy(done)).toEqual([]);
});

/** Armed for the day, then everything is lost while nobody looks, and the moment passes. Answers the clock to go on with. */
const losesItsMoment = async (account: AccountId): Promise<number> => {
  await create(account);
  const offset = nineIn(3000);
  const before = await open("before", offset);
  await expect.poll(() => daily(account), { timeout: 10_000, interval: 20 }).toMatchObject({ armed: true });
  await before[Symbol.asyncDispose]();
  await service.jsm.streams.purge(streams.schedule.name);
  await expect.poll(() => offset + Date.now(), { timeout: 10_000 }).toBeGreaterThan(Date.parse("2027-03-02T08:00:00.000Z"));
  return offset;
};

test("a lost day whose moment has only just passed begins at the next look, though it is not overdue yet", async () => {
  const account = accountId.parse("just-now");
  await allocator(() => undefined);
  await open("after", await losesItsMoment(account), 60_000);
  await expect.poll(() => begunBy(account), { timeout: 10_000 }).toHaveLength(1);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, next: "2027-03-03T08:00:00.000Z" });
});

test("a lost day that cannot begin at the first look begins at a later one", async () => {
  const account = accountId.parse("twice-unlucky");
  let away = true;
  await allocator(() => {
    if (away) throw new Refusal("unavailable", "not now");
  });
  await open("after", await losesItsMoment(account));
  const mine = () => startsOf(account);
  await expect.poll(() => mine().length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(await daily(account)).toMatchObject({ armed: false });
  away = false;
  await expect.poll(() => daily(account), { timeout: 20_000 }).toMatchObject({ armed: true, next: "2027-03-03T08:00:00.000Z" });
  expect(begunBy(account)).toHaveLength(1);
});

test.each([
  ["its hour", "moved", { dailyRunCron: "0 10 * * *" }, "2027-03-02T09:00:00.000Z"],
  ["something else", "limited", { dailyLimit: 7 }, "2027-03-03T08:00:00.000Z"],
])("a lost day begins, though its account changes %s before the next look", async (_what, id, change, next) => {
  const account = accountId.parse(id);
  await allocator(() => undefined);
  const seq = await create(account);
  const offset = nineIn(3000);
  // Nobody looks, since a look would find what is lost as well.
  const looking = await service.acquireLease(`look.${names.lookForMissed}`, AbortSignal.timeout(10_000));
  await open("one", offset);
  await expect.poll(() => daily(account), { timeout: 10_000, interval: 20 }).toMatchObject({ armed: true });
  await service.jsm.streams.purge(streams.schedule.name, { filter: "schedule.scheduler.>" });
  await expect.poll(() => offset + Date.now(), { timeout: 10_000 }).toBeGreaterThan(Date.parse("2027-03-02T08:00:00.000Z"));
  await write(account, seq, { type: "AccountPolicyChanged", data: { policy: { ...policy, ...change } } }, "2027-03-02T08:00:01.000Z");
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, next });
  expect(begunBy(account)).toHaveLength(1);
  await looking.release();
});

const armedCron = async (account: AccountId) => {
  const { data } = z.object({ data: due }).parse((await scheduleOf(account)).json());
  return data.alarm.cron;
};

test.each([
  ["before it, begins the day though the earlier alarm is armed still", "moved-late", "2027-03-02T07:59:59.000Z", 1],
  ["after it, begins nothing", "moved-past", "2027-03-02T08:00:00.500Z", 0],
])("a change of the hour that is handled after the new hour, and was made %s", async (_what, id, changed, begun) => {
  const account = accountId.parse(id);
  await allocator(() => undefined);
  const seq = await create(account, "0 18 * * *");
  await open("one", nineIn(-2000));
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, next: "2027-03-02T17:00:00.000Z" });
  await write(account, seq, { type: "AccountPolicyChanged", data: { policy: { ...policy, dailyRunCron: "0 9 * * *" } } }, changed);
  await expect.poll(() => armedCron(account), { timeout: 10_000 }).toBe("0 9 * * *");
  expect(begunBy(account)).toHaveLength(begun);
});
