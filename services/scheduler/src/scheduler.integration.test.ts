import { huntCommands } from "@outrider/contracts/hunts";
import { type AccountId, accountId, partitionOf, runId } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { schedulerCommands } from "@outrider/contracts/scheduler";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, headerLine, jetStreamStore, joined, type Kernel, orUndefined } from "@outrider/eventing";
import { handle, kernelOf, openService, parseConfig, Refusal, type Service, serveCommands } from "@outrider/platform";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { due } from "./alarms.ts";
import { definition, names, type SchedulerConfig } from "./config.ts";
import { openScheduler } from "./scheduler.ts";

let nats: ThrowAwayNats;
let world: Service<SchedulerConfig>;
let kernel: Kernel;
const opened: Service<SchedulerConfig>[] = [];
/** Accounts that have had their pass of today. */
const ran = new Set<string>();
const pass = { pass: 1, open: false, found: 0, allocated: 0, skipped: {}, reserved: 0, rest: 0 };
let starts: { account: string; commandId: string; trace: string }[] = [];

const configured = (offsetMs = 0, lateMs = 300): SchedulerConfig => {
  const environment = {
    NATS_URL: nats.url,
    LOG_LEVEL: "silent",
    OUTRIDER_CLOCK_OFFSET_MS: String(offsetMs),
    SCHEDULER_ASK_TIMEOUT_MS: "1000",
    OVERDUE_EVERY_MS: "300",
    OVERDUE_AFTER_MS: String(lateMs),
  };
  const parsed = parseConfig(definition, environment);
  if (!parsed.ok) throw new Error(parsed.problems.join("; "));
  return parsed.config;
};
const open = async (replica: string, offsetMs = 0, lateMs?: number): Promise<Service<SchedulerConfig>> => {
  const service = await openService({ ...configured(offsetMs, lateMs), OUTRIDER_REPLICA: replica }, { ownsProcess: false });
  opened.push(service);
  await openScheduler(service);
  return service;
};
/** The sandbox's clock shows 09:00 in Paris after so many milliseconds of real time. */
const nineIn = (ms: number): number => Date.parse("2027-03-02T08:00:00.000Z") - ms - Date.now();
const allocator = async (answer: () => void): Promise<Service<SchedulerConfig>> => {
  const service = await openService({ ...configured(), service: "hunt-allocator" }, { ownsProcess: false });
  opened.push(service);
  const startPass = handle(huntCommands.startPass, async ({ account }, { commandId, traceparent }) => {
    starts.push({ account, commandId, trace: traceparent.slice(3, 35) });
    answer();
    ran.add(account);
    return { run: runId.parse("2027-03-02"), pass: 1, seq: 1, open: true };
  });
  const run = handle(huntCommands.run, async ({ account }) => ({
    exists: ran.has(account),
    passes: ran.has(account) ? [pass] : [],
    hunts: [],
    seq: 1,
  }));
  await serveCommands(service, [startPass, run]);
  return service;
};

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openService({ ...configured(), service: "gateway" }, { ownsProcess: false });
  kernel = kernelOf(world);
  for (const declared of [streams.registry, streams.hunts, streams.schedule, streams.dead]) await ensureStream(world.jsm, declared);
});
beforeEach(async () => {
  for (const service of opened.splice(0)) await service[Symbol.asyncDispose]();
  starts = [];
});
afterAll(async () => {
  for (const service of [...opened, world]) await service[Symbol.asyncDispose]();
  await nats.stop();
});

/** The trace in which accounts are created and changed here. */
const created = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`;
const write = async (account: AccountId, expected: number, event: AccountEvent, at = "2027-03-02T07:00:00.000Z"): Promise<number> => {
  const store = jetStreamStore({ jsm: kernel.jsm, publisher: kernel.publisher, stream: streams.registry.name, codec: accountCodec });
  const id = crypto.randomUUID();
  const append = { commandId: id, executionId: id, at, events: [event], expected, closing: 0, traceparent: created };
  const appended = await store.append(subjects.account(account), append, performance.now() + 10_000);
  if (appended.kind === "conflict") throw new Error(`${account} has moved`);
  return appended.revision;
};
const policy = accountPolicy.parse({});
const create = (account: AccountId, dailyRunCron = "0 9 * * *") =>
  write(account, 0, {
    type: "AccountCreated",
    data: {
      ...{ account, name: "Garage", timeZone: "Europe/Paris", country: "FR", secret: { k: "k", v: "v" } },
      policy: { ...policy, dailyRunCron },
    },
  });
const daily = (account: AccountId) => world.ask(schedulerCommands.dailyRun, { account }).catch(() => undefined);
const scheduleOf = async (account: AccountId) => {
  const last_by_subj = `schedule.scheduler.${names.dailyRun}.${partitionOf(account)}.${account}.${account}`;
  const stored = await world.jsm.streams.getMessage(streams.schedule.name, { last_by_subj });
  if (stored === null) throw new Error("an alarm was armed");
  return stored;
};
const armedCron = async (account: AccountId) => {
  const { data } = z.object({ data: due }).parse((await scheduleOf(account)).json());
  return data.alarm.cron;
};
/** The commands by which the account's days were begun: a look and a reaction at once may both send one, and the allocator obeys it once. */
const begunBy = (account: AccountId): readonly string[] => [
  ...new Set(starts.filter((start) => start.account === account).map(({ commandId }) => commandId)),
];
/** Whether the account's alarm has come due and is not done with. */
const dueOf = async (account: AccountId): Promise<boolean> => {
  const last_by_subj = `due.scheduler.${names.dailyRun}.${partitionOf(account)}.${account}.${account}`;
  return (await orUndefined(() => world.jsm.streams.getMessage(streams.schedule.name, { last_by_subj }))) != null;
};
const pendingDue = async () => (await world.jsm.consumers.info(streams.schedule.name, "scheduler-due-daily-run")).num_pending;

test("every account has one cron in its own time zone, which follows its policy", async () => {
  await open("one");
  const account = accountId.parse("policy");
  const seq = await create(account);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, cron: "0 9 * * *", timeZone: "Europe/Paris" });
  const disabled: AccountEvent = { type: "AccountPolicyChanged", data: { policy: { ...policy, dailyRunEnabled: false } } };
  const off = await write(account, seq, disabled);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: false });
  const earlier: AccountEvent = { type: "AccountPolicyChanged", data: { policy: { ...policy, dailyRunCron: "30 7 * * 7" } } };
  await write(account, off, earlier);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, cron: "30 7 * * 7" });
});

test("a day begins by the sandbox's clock, once, and the next one is armed", async () => {
  const account = accountId.parse("sandbox");
  await create(account);
  await allocator(() => undefined);
  const offset = nineIn(2500);
  await Promise.all([open("one", offset), open("two", offset)]);
  await expect.poll(() => begunBy(account), { timeout: 20_000 }).toHaveLength(1);
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, next: "2027-03-03T08:00:00.000Z" });
  await expect.poll(pendingDue, { timeout: 10_000 }).toBe(0);
  expect(begunBy(account)).toHaveLength(1);
});

test("a start that nobody answered is asked for again under the same id; a refusal ends it", async () => {
  const account = accountId.parse("patient");
  await create(account);
  await open("one", nineIn(2000));
  const unanswered = async () => (await world.jsm.consumers.info(streams.schedule.name, "scheduler-due-daily-run")).num_ack_pending;
  await expect.poll(unanswered, { timeout: 20_000 }).toBeGreaterThan(0);
  let tries = 0;
  await allocator(() => {
    tries += 1;
    if (tries < 4) throw new Refusal("unavailable", "not now");
    throw new Refusal("refused", "the account runs nothing on this weekday", "not-a-run-day");
  });
  await expect.poll(() => begunBy(account), { timeout: 20_000 }).toHaveLength(1);
  await expect.poll(pendingDue, { timeout: 10_000 }).toBe(0);
  await expect.poll(unanswered, { timeout: 20_000 }).toBe(0);
  expect(begunBy(account)).toHaveLength(1);
});

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
  const purge = () => world.jsm.streams.purge(streams.schedule.name, { filter: "schedule.scheduler.>" });
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
  await world.jsm.streams.purge(streams.schedule.name);
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
  const mine = () => starts.filter((start) => start.account === account);
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
  const looking = await world.acquireLease(`look.${names.lookForMissed}`, AbortSignal.timeout(10_000));
  await open("one", offset);
  await expect.poll(() => daily(account), { timeout: 10_000, interval: 20 }).toMatchObject({ armed: true });
  await world.jsm.streams.purge(streams.schedule.name, { filter: "schedule.scheduler.>" });
  await expect.poll(() => offset + Date.now(), { timeout: 10_000 }).toBeGreaterThan(Date.parse("2027-03-02T08:00:00.000Z"));
  await write(account, seq, { type: "AccountPolicyChanged", data: { policy: { ...policy, ...change } } }, "2027-03-02T08:00:01.000Z");
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true, next });
  expect(begunBy(account)).toHaveLength(1);
  await looking.release();
});

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

test("an alarm that was armed with a trace by an earlier release is armed without it", async () => {
  const account = accountId.parse("traced");
  await create(account, "0 18 * * *");
  await open("one");
  await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true });
  const stored = await scheduleOf(account);
  const lines = stored.header.keys().flatMap((name) => stored.header.values(name).map((value) => headerLine(name, value)));
  const traced = await kernel.publisher.publish(stored.subject, stored.data, joined(...lines, headerLine("traceparent", created)));
  expect(traced.kind).toBe("stored");
  await expect.poll(() => scheduleOf(account).then(({ header }) => header.has("traceparent")), { timeout: 10_000 }).toBe(false);
  expect((await scheduleOf(account)).header.get("Nats-Schedule")).toBe(stored.header.get("Nats-Schedule"));
});

/** What waits for the account's next day comes due now, with all that it carries. */
const bringForward = async (account: AccountId): Promise<void> => {
  const stored = await scheduleOf(account);
  const carried = stored.header.keys().filter((name) => !/^Nats-Schedule(-Time-Zone)?$/i.test(name));
  const lines = carried.flatMap((name) => stored.header.values(name).map((value) => headerLine(name, value)));
  const now = headerLine("Nats-Schedule", `@at ${new Date().toISOString()}`);
  await kernel.publisher.publish(stored.subject, stored.data, joined(...lines, now));
};

test.each([
  ["the sandbox's clock", "days-of-sandbox", () => nineIn(1500)],
  ["the server's", "days-of-live", () => 0],
])("each day of an account is a trace of its own, by %s", async (_clock, id, offset) => {
  const account = accountId.parse(id);
  await allocator(() => undefined);
  await create(account);
  await open("one", offset());
  const mine = () => starts.filter((start) => start.account === account);
  for (const day of [1, 2, 3]) {
    await expect.poll(() => daily(account), { timeout: 10_000 }).toMatchObject({ armed: true });
    if (mine().length < day) await bringForward(account);
    await expect.poll(() => mine().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(day);
    await expect.poll(pendingDue, { timeout: 10_000 }).toBe(0);
  }
  const traces = new Set(mine().map(({ trace }) => trace));
  expect(traces.size).toBe(new Set(mine().map(({ commandId }) => commandId)).size);
  expect(traces.size).toBeGreaterThanOrEqual(3);
  expect(traces).not.toContain("c".repeat(32));
});
