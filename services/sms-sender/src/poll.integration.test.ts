import type { AccountId } from "@outrider/contracts/ids";
import { lineCodec, smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { noFaults } from "@outrider/simulators";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ensurePoll } from "./poll.ts";
import type { InboundMessage } from "./providers/sms-provider.ts";
import { accepted, main, type Opened, openWorld, saidOf, type World, within } from "./testing-world.ts";

let world: World;
let first: Opened;
/** What the provider is made to list besides what it really has, and how. */
const listed: {
  extra: InboundMessage[];
  broken: boolean;
  readonly since: string[];
  readonly sinceByKey: { readonly apiKey: string; readonly since: string }[];
  extraTold: number;
} = { ...{ extra: [], broken: false, since: [], sinceByKey: [], extraTold: 0 } };
beforeAll(async () => {
  world = await openWorld({ POLL_PROVIDER_MS: "50" });
  const open = (replica: string) =>
    world.open(replica, {}, (real) => ({
      ...real,
      inboundSince: async (access, since) => {
        listed.since.push(since);
        listed.sinceByKey.push({ apiKey: access.apiKey, since });
        const messages = listed.broken ? undefined : await real.inboundSince(access, since);
        if (messages === undefined || access.apiKey !== "key-listed") return messages;
        listed.extraTold += listed.extra.length;
        return [...messages, ...listed.extra];
      },
    }));
  [first] = await Promise.all([open("first"), open("second")]);
});
afterEach(async () => {
  Object.assign(listed, { extra: [], broken: false });
  await world.simulator.setFaults(noFaults);
});
afterAll(() => world[Symbol.asyncDispose]());

const lineEvents = async (account: AccountId) =>
  (await world.eventsOf(streams.sms.name, lineCodec, subjects.smsLine(account, main))).filter(({ type }) => !type.startsWith("Turns"));

describe("a reply", () => {
  test("is read from the provider when no webhook comes, in the order in which it was written, and an old word is not said again", async () => {
    const account = await world.account("listed");
    const one = await accepted(world, account);
    const message = (key: string, text: string, secondsAgo: number) => ({
      key,
      from: { reveal: () => one.number } as InboundMessage["from"],
      text: { reveal: () => text } as InboundMessage["text"],
      at: new Date(Date.now() - secondsAgo * 1000).toISOString(),
    });
    listed.extra = [message("l-2", "STOP", 5), message("l-1", "START", 30)];
    await expect.poll(() => saidOf(world, one), within).toEqual(["opt-in", "opt-out"]);
    // Of this line's own looks: those of other lines tell nothing. The look before the last one has been taken in full.
    const told = listed.extraTold;
    await vi.waitFor(() => expect(listed.extraTold).toBeGreaterThanOrEqual(told + 6), within);
    expect(saidOf(world, one)).toEqual(["opt-in", "opt-out"]);
  });
  test("that cannot be read now is read later, however often the service starts meanwhile", async () => {
    const account = await world.account("unread");
    listed.broken = true;
    const key = `${subjects.smsLine(account, main).split(".").slice(2).join(".")}`;
    await vi.waitFor(async () => expect(await first.sms.schedules.isOpen("poll", key)).toBe(true), within);
    listed.since.length = 0;
    await ensurePoll(first.sms, account, main, "2020-01-01T00:00:00.000Z", { actor: "test" });
    await vi.waitFor(() => expect(listed.since.length).toBeGreaterThan(10), within);
    expect(listed.since.filter((since) => since < "2021")).toEqual([]);
    const oldest = Math.min(...listed.since.map((since) => Date.parse(since)));
    listed.broken = false;
    await vi.waitFor(() => expect(Date.parse(listed.since.at(-1) ?? "")).toBeGreaterThan(oldest), within);
  });
});

test("as long as the provider does not answer, it is asked for replies from two minutes before the line was connected", async () => {
  listed.broken = true;
  const before = Date.now();
  await world.account("unanswered");
  const connected = Date.now();
  const own = () => listed.sinceByKey.flatMap(({ apiKey, since }) => (apiKey === "key-unanswered" ? [since] : []));
  await vi.waitFor(() => expect(own().length).toBeGreaterThan(5), within);
  expect(new Set(own()).size).toBe(1);
  const from = Date.parse(own()[0] ?? "");
  expect(from).toBeGreaterThanOrEqual(before - 120_000);
  expect(from).toBeLessThanOrEqual(connected - 120_000);
  listed.broken = false;
  await vi.waitFor(() => expect(Date.parse(own().at(-1) ?? "")).toBeGreaterThan(from), within);
});

describe("a line whose phone", () => {
  test("is offline pauses and says so; online again it goes on; a person's pause stays", async () => {
    const account = await world.account("offline");
    await world.simulator.setFaults({ phoneOffline: 1 });
    await expect
      .poll(() => lineEvents(account), within)
      .toMatchObject([{ type: "LineOpened" }, { type: "LinePaused", data: { reason: "phone-offline", by: "sms-sender" } }]);
    expect(await world.service.ask(smsCommands.testLine, { account, line: main })).toEqual({ phone: "offline" });
    await world.simulator.setFaults(noFaults);
    await expect.poll(async () => (await lineEvents(account)).at(-1), within).toMatchObject({ type: "LineResumed" });
    await world.service.ask(smsCommands.pauseLine, { account, line: main, by: "ada", reason: "holiday" });
    const looks = listed.since.length;
    await vi.waitFor(() => expect(listed.since.length).toBeGreaterThan(looks + 20), within);
    expect((await lineEvents(account)).at(-1)).toMatchObject({ type: "LinePaused", data: { by: "ada" } });
  });
  test("is offline and that a person pauses as well stays paused when the phone is online again", async () => {
    const account = await world.account("both");
    await world.simulator.setFaults({ phoneOffline: 1 });
    await expect.poll(async () => (await lineEvents(account)).at(-1), within).toMatchObject({ data: { reason: "phone-offline" } });
    await world.service.ask(smsCommands.pauseLine, { account, line: main, by: "ada", reason: "holiday" });
    await world.simulator.setFaults(noFaults);
    const looks = listed.since.length;
    await vi.waitFor(() => expect(listed.since.length).toBeGreaterThan(looks + 20), within);
    expect((await lineEvents(account)).at(-1)).toMatchObject({ type: "LinePaused", data: { by: "ada" } });
    await world.service.ask(smsCommands.resumeLine, { account, line: main, by: "ada" });
    expect((await lineEvents(account)).at(-1)).toMatchObject({ type: "LineResumed", data: { by: "ada" } });
  });
});
