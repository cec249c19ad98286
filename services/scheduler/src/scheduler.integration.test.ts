import { type AccountId, accountId } from "@outrider/contracts/ids";
import type { AccountEvent } from "@outrider/contracts/registry";
import { streams } from "@outrider/contracts/streams";
import { headerLine, joined } from "@outrider/eventing";
import { Refusal } from "@outrider/platform";
import { afterAll, beforeEach, expect, test } from "vitest";
import { created, nineIn, openWorld, policy } from "./testing-world.ts";

const world = await openWorld();
const { allocator, begunBy, create, daily, kernel, open, pendingDue, scheduleOf, service, startsOf, write } = world;
beforeEach(world.clear);
afterAll(world.end);

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
  const unanswered = async () => (await service.jsm.consumers.info(streams.schedule.name, "scheduler-due-daily-run")).num_ack_pending;
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
  const mine = () => startsOf(account);
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
