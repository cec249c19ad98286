import { huntCommands } from "@outrider/contracts/hunts";
import { huntId } from "@outrider/contracts/ids";
import { afterAll, beforeAll, expect, test } from "vitest";
import { huntDefinitionOf } from "./testing-definitions.ts";
import { createHunt, newAccount, openWorld, passOf, type World } from "./testing-world.ts";

const mostActive = 60;
let world: World;
beforeAll(async () => {
  world = await openWorld({ ACCOUNT_MOST_ACTIVE_HUNTS: String(mostActive) });
  await world.open("first");
});
afterAll(() => world[Symbol.asyncDispose]());

test("an account has a bounded number of active hunts, also at once; whoever is refused hears which limit it is and what to do", async () => {
  const account = newAccount("many-hunts");
  await world.createAccount(account);
  const ids = Array.from({ length: mostActive * 2 }, (_, n) => `hunt-${n}`);
  const create = (id: string) => ({ account, hunt: huntId.parse(id), activate: true, definition: huntDefinitionOf(id) });
  const asking = ids.map((id) => world.service.ask(huntCommands.createHunt, create(id), { timeoutMs: 30_000 }));
  const created = await Promise.allSettled(asking);
  const [hunt, ...others] = created.flatMap((each) => (each.status === "fulfilled" ? [each.value.hunt] : []));
  if (hunt === undefined) throw new Error("no hunt was created");
  expect(others).toHaveLength(mostActive - 1);
  const one = { account, hunt };
  const more = { account, hunt: huntId.parse("one-more") };
  const refused = {
    slug: "refused",
    rule: "too-many-active-hunts",
    message: expect.stringMatching(/ACCOUNT_MOST_ACTIVE_HUNTS.*pause or archive/),
  };
  for (const each of created) if (each.status === "rejected") expect(each.reason).toMatchObject(refused);
  await expect(createHunt(world, account, "one-more")).rejects.toMatchObject(refused);
  await world.service.ask(huntCommands.createHunt, { ...more, activate: false, definition: huntDefinitionOf("one-more") });
  await expect(world.service.ask(huntCommands.activateHunt, more)).rejects.toMatchObject(refused);
  // What is active already stays so, however often it is said.
  await world.service.ask(huntCommands.activateHunt, one);
  await world.service.ask(huntCommands.pauseHunt, { ...one, by: "ada" });
  await world.service.ask(huntCommands.activateHunt, more);
  await expect(world.service.ask(huntCommands.resumeHunt, { ...one, by: "ada" })).rejects.toMatchObject(refused);
  await world.service.ask(huntCommands.archiveHunt, more);
  await world.service.ask(huntCommands.resumeHunt, { ...one, by: "ada" });
  expect((await passOf(world, account)).hunts).toHaveLength(mostActive);
});
