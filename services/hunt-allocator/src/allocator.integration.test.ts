import { huntCommands } from "@outrider/contracts/hunts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHunt, newAccount, openWorld, passOf, personOf, today, type World } from "./testing-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await world.open("first");
});
afterAll(() => world[Symbol.asyncDispose]());

const sumOf = (skipped: Readonly<Record<string, number>>): number => Object.values(skipped).reduce((sum, count) => sum + count, 0);

test("a pass writes to each owner once, adds up, and a second pass contacts nobody twice", async () => {
  const account = newAccount("garage");
  await world.createAccount(account);
  await world.listAds(account, [
    ...Array.from({ length: 290 }, () => ({})),
    ...Array.from({ length: 10 }, (_, index) => ({ person: personOf(index), sourceId: `second-${index}` })),
  ]);
  await createHunt(world, account, "all");
  await createHunt(world, account, "cheap", { criteria: { priceTo: 5099 } });
  await createHunt(world, account, "limited", { dailyLimit: 20, priority: 9 });

  const first = await passOf(world, account);
  expect(first).toMatchObject({ run: today, pass: 1, open: false, allocated: 290, rest: 0, reserved: 290 });
  expect(first.found).toBe(300 + 100 + 300);
  expect(first.found).toBe(first.allocated + sumOf(first.skipped));
  for (const hunt of first.hunts) expect(hunt.found).toBe(hunt.allocated + sumOf(hunt.skipped));
  expect(first.hunts.find(({ hunt }) => hunt === "limited")?.allocated).toBe(20);
  const rows = await world.rowsOf(account, first.run);
  expect(new Set(rows.map(({ person }) => person)).size).toBe(290);
  const [row] = rows;
  expect(row === undefined ? "" : await world.service.keyring.open(row.text)).toMatch(
    /^Bonjour Owner \d+, votre Peugeot 208 n° \d+ nous intéresse\. Garage Martin$/,
  );

  const second = await passOf(world, account);
  expect(second).toMatchObject({ pass: 2, allocated: 0, found: 700, reserved: 0 });
  expect(sumOf(second.skipped)).toBe(700);
  await world.listAds(account, [{ person: personOf(9000), sourceId: "new" }]);
  expect(await passOf(world, account)).toMatchObject({ pass: 3, allocated: 1, found: 703 });
});

test("a start while a pass is open answers that one", async () => {
  const account = newAccount("busy");
  await world.createAccount(account);
  await world.listAds(account, [{}]);
  await createHunt(world, account, "all");
  const starts = await Promise.all([1, 2, 3].map(() => world.service.ask(huntCommands.startPass, { account, by: "hand" })));
  expect(new Set(starts.map(({ pass }) => pass))).toEqual(new Set([1]));
});
