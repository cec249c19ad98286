import { huntCommands } from "@outrider/contracts/hunts";
import { streams, subjects } from "@outrider/contracts/streams";
import { headerLine } from "@outrider/eventing";
import { kernelOf } from "@outrider/platform";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runOf } from "./play.ts";
import { createHunt, newAccount, openWorld, today, type World } from "./testing-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a replica that does not know now what is paused and what the accounts' limits are begins no pass, and drives none on", async () => {
  const account = newAccount("elsewhere");
  await world.createAccount(account);
  await world.listAds(account, [{}, {}, {}]);
  const only = await world.open("only");
  await createHunt(world, account, "all");
  const start = () => world.service.ask(huntCommands.startPass, { account, by: "hand" });
  // Of a newer release, which alone can tell what the account's limits are from now on.
  const newer = { at: world.service.clock.now(), events: [{ type: "AccountPolicyChanged", version: 99, data: {} }] };
  const { publisher } = kernelOf(world.service);
  await publisher.publish(subjects.account(account), Buffer.from(JSON.stringify(newer)), headerLine("Outrider-Command", "newer"));
  await expect.poll(() => only.health.reasons().join(), { timeout: 10_000 }).toContain(streams.registry.name);
  await expect(start()).rejects.toThrow("does not know now");
  // One that another replica has opened.
  const hunts = [{ type: "OpenPass", run: runOf(today), by: "hand", hunts: ["all" as never] }] as const;
  const cause = { commandId: "opened-elsewhere", at: world.service.clock.now() };
  await only.allocator.runs.execute(subjects.run(account, today), hunts[0], cause);
  await expect.poll(() => only.health.reasons().join(), { timeout: 10_000 }).toContain("does not know now");
  expect((await world.eventsOf(account, runOf(today))).map(({ type }) => type)).toEqual(["PassOpened"]);
});
