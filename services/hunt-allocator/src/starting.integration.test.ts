import { huntCommands, runCodec } from "@outrider/contracts/hunts";
import { type AccountId, systemAccount } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec } from "@outrider/contracts/registry";
import { streams, subjects } from "@outrider/contracts/streams";
import { jetStreamStore } from "@outrider/eventing";
import { kernelOf, Refusal } from "@outrider/platform";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runOf } from "./play.ts";
import { reservationIdOf, reservationNumberOf } from "./run.ts";
import { closed, createHunt, newAccount, openWorld, passOf, personOf, today, type World } from "./testing-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await world.open("one");
});
afterAll(() => world[Symbol.asyncDispose]());

/** What registry adds to an account that is there. */
const say = async (account: AccountId, event: AccountEvent): Promise<void> => {
  const { jsm, publisher } = kernelOf(world.service);
  const store = jetStreamStore({ jsm, publisher, stream: streams.registry.name, codec: accountCodec });
  const id = crypto.randomUUID();
  const expected = (await store.last(subjects.account(account)))?.revision ?? 0;
  const append = { commandId: id, executionId: id, at: world.service.clock.now(), events: [event], expected, closing: 0 };
  await store.append(subjects.account(account), append, performance.now() + 10_000);
};

test("while its account or everything is paused no pass starts, by whomever, and says so", async () => {
  const account = newAccount("resting");
  await world.createAccount(account);
  const start = (by: "hand" | "cron") => world.service.ask(huntCommands.startPass, { account, by }, { timeoutMs: 10_000 });
  for (const [paused, words] of [
    [account, "the account is paused"],
    [systemAccount, "everything is paused"],
  ] as const) {
    await say(paused, { type: "AccountPaused", data: { by: "ada" } });
    for (const by of ["hand", "cron"] as const) {
      await expect
        .poll(() => start(by).catch((error: unknown) => error), { timeout: 10_000 })
        .toMatchObject({ rule: "paused", message: words });
    }
    await say(paused, { type: "AccountResumed", data: { by: "ada" } });
    await expect.poll(() => passOf(world, account).catch(() => undefined), { timeout: 20_000 }).toMatchObject({ open: false });
  }
});

test("a pass that comes for the first time long after it was opened may have reserved before: its hold is found and given back", async () => {
  const account = newAccount("dug-out");
  await world.createAccount(account);
  const run = runOf(today);
  const reservationNumber = reservationNumberOf(run, 1);
  // Whoever had it first reserved for people who are gone by now; a dead letter that is tried again comes like a first delivery.
  world.neighbours.reservations.set(`${account} ${reservationIdOf(reservationNumber)}`, 50);
  const anHourAgo = new Date(world.service.clock.nowMs() - 3_600_000).toISOString();
  await world.appendAt(anHourAgo)(streams.hunts.name, runCodec, subjects.run(account, run), {
    type: "PassOpened",
    data: { run, pass: 1, reservationNumber, by: "hand", hunts: [] },
  });
  expect(await closed(world, account, run, 1)).toMatchObject({ found: 0, allocated: 0, reserved: 50, rest: 50 });
});

test("a pass whose ledger could not be heard after it had held the last credits goes on with what is held", async () => {
  const account = newAccount("unheard");
  await world.createAccount(account);
  await world.listAds(
    account,
    Array.from({ length: 20 }, (_, index) => ({ person: personOf(index), sourceId: `${index}` })),
  );
  await expect.poll(() => createHunt(world, account, "all").catch(String), { timeout: 20_000 }).toMatchObject({ hunt: "all" });
  const { neighbours } = world;
  neighbours.available = 20;
  neighbours.onReserved = () => {
    neighbours.onReserved = undefined;
    throw new Refusal("unavailable", "not now");
  };
  expect(await passOf(world, account)).toMatchObject({ found: 20, allocated: 20, reserved: 20, rest: 0 });
  expect(neighbours.available).toBe(0);
});
