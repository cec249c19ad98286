import { accountId } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec } from "@outrider/contracts/registry";
import { lineCodec, smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { noFaults } from "@outrider/simulators";
import { expect, test } from "vitest";
import { names } from "./config.ts";
import { scheduleKey } from "./context.ts";
import { turnIsDue } from "./reactions.ts";
import { main, only, openWorld, within } from "./testing-world.ts";

test("whoever is asked for, and asked for again, has a turn promised before, so that no kill in between loses them", async () => {
  await using world = await openWorld({ ATTEMPT_TIMEOUT_MS: "1000" });
  const { sms } = await world.open("only");
  const account = await world.account("promised");
  const one = only(await world.people(account, 1));
  const key = scheduleKey(account, one.contact);
  await world.simulator.setFaults({ cutAfter: 1 });
  await world.request(account, one);
  expect(await sms.schedules.isOpen(names.wanted, key)).toBe(true);
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("unknown");
  await world.simulator.setFaults(noFaults);
  await sms.schedules.cancel(names.wanted, key);
  // A person says so a minute later: by the answer it is promised, whatever became of the asking.
  const again = { account, contact: one.contact, as: "send-again", by: "ada" } as const;
  await expect(world.service.ask(smsCommands.resolve, again)).rejects.toMatchObject({ rule: "too-early" });
  expect(await sms.schedules.isOpen(names.wanted, key)).toBe(true);
});

test("a turn that comes due long after its moment is not used: its contact asks for another one", async () => {
  await using world = await openWorld();
  const { sms, service } = await world.open("only");
  const account = await world.account("long-after", { minGapMs: 3_600_000 });
  const [first, second] = await world.people(account, 2);
  if (first === undefined || second === undefined) throw new Error("two were made");
  await world.request(account, first);
  await expect.poll(() => world.statusOf(account, first.contact), within).toBe("accepted");
  await world.request(account, second);
  const given = async () => {
    const events = await world.eventsOf(streams.sms.name, lineCodec, subjects.smsLine(account, main));
    return events
      .flatMap((event) => (event.type === "TurnsGiven" ? event.data.turns : []))
      .filter(({ contact }) => contact === second.contact);
  };
  await expect.poll(given, within).toHaveLength(1);
  const [turn] = await given();
  const nowMs = () => Date.parse(turn?.at ?? "") + 2_400_000;
  const late = { ...sms, service: { ...service, clock: { ...service.clock, nowMs } } };
  await turnIsDue(late)(account, second.contact, { actor: "test" }, { round: 0 });
  expect(await given()).toHaveLength(2);
  expect(await world.typesOf(account, second)).toEqual(["ContactRequested"]);
});

test("a line whose key the provider refuses, or that nobody can vouch for, is not connected", async () => {
  await using world = await openWorld();
  let online: "key-refused" | undefined = "key-refused";
  await world.open("only", {}, (real) => ({ ...real, phoneOnline: async () => online }));
  await expect(world.account("refused")).rejects.toMatchObject({ slug: "refused", rule: "key-refused" });
  online = undefined;
  await expect(world.account("silent")).rejects.toMatchObject({ name: "Unavailable" });
  expect(world.neighbours.connected).toEqual([]);
  for (const account of ["refused", "silent"].map((name) => accountId.parse(name))) {
    const told = await world.eventsOf<AccountEvent>(streams.registry.name, accountCodec, subjects.account(account));
    expect(told.map(({ type }) => type)).toEqual(["AccountCreated"]);
  }
});

test("two who change the limits of a line at the same moment, each through another replica, both have their way", async () => {
  await using world = await openWorld();
  await Promise.all([world.open("first"), world.open("second")]);
  const account = await world.account("limits");
  const change = (limits: object) => world.service.ask(smsCommands.changeLimits, { account, line: main, limits });
  for (let round = 1; round <= 5; round++) {
    await Promise.all([change({ minGapMs: round }), change({ jitterMs: round }), change({ recipientsPerDay: round })]);
    const { limits } = await world.service.ask(smsCommands.line, { account, line: main });
    expect(limits).toMatchObject({ minGapMs: round, jitterMs: round, recipientsPerDay: round });
  }
});
