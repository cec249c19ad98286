import { huntCommands, runCodec } from "@outrider/contracts/hunts";
import { streams, subjects } from "@outrider/contracts/streams";
import { afterAll, beforeAll, expect, test } from "vitest";
import { names } from "./config.ts";
import { runOf } from "./play.ts";
import { reservationNumberOf } from "./run.ts";
import { createHunt, newAccount, openWorld, personOf, today, type World } from "./testing-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld({ OVERDUE_EVERY_MS: "300", OVERDUE_AFTER_MS: "300" });
});
afterAll(() => world[Symbol.asyncDispose]());

test("a pass that was left open when its opening message became a dead letter is ended by a look", async () => {
  const account = newAccount("left");
  await world.createAccount(account);
  const before = await world.open("before");
  await world.listAds(account, [{ person: personOf(1), sourceId: "1" }]);
  const { hunt } = await createHunt(world, account, "all");
  await before[Symbol.asyncDispose]();

  const run = runOf(today);
  const data = { run, pass: 1, reservationNumber: reservationNumberOf(run, 1), by: "hand" } as const;
  await world.append(streams.hunts.name, runCodec, subjects.run(account, run), { type: "PassOpened", data: { ...data, hunts: [hunt] } });
  const durable = await world.service.js.consumers.get(streams.hunts.name, names.drivePasses);
  const message = await durable.next({ expires: 5000 });
  await message?.ackAck();
  await Promise.all([world.open("one"), world.open("two")]);
  const state = () => world.service.ask(huntCommands.run, { account, run });
  await expect.poll(state, { timeout: 20_000 }).toMatchObject({ passes: [{ pass: 1, open: false, allocated: 1 }] });
  const types = (await world.eventsOf(account, run)).map(({ type }) => type);
  expect(types).toEqual(["PassOpened", "PassReserved", "PageAllocated", "PassClosed"]);
});
