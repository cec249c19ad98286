import { type AccountId, accountId } from "@outrider/contracts/ids";
import { Refusal } from "@outrider/platform";
import { expect, test } from "vitest";
import { type ActiveHunts, activeHunts } from "./active-hunts.ts";
import { rememberedAccounts } from "./config.ts";

const garage = accountId.parse("garage");
const most = 100;

/** A log of activations by account, and a look-up that is behind it until somebody waits for it. */
const openLog = () => {
  const appended: AccountId[] = [];
  let seen = 0;
  let looks = 0;
  const replica = (): ActiveHunts =>
    activeHunts({
      candidates: { countActive: async (account) => appended.slice(0, seen).filter((each) => each === account).length },
      looking: {
        ownUpTo: async (seq) => {
          looks++;
          await Promise.resolve();
          seen = Math.max(seen, seq);
        },
      },
      ownLast: async () => appended.length,
      mostActiveHunts: most,
    });
  const activate = (by: ActiveHunts, account = garage, activates = true) =>
    by.activate(
      account,
      { deadlineAt: Date.now() + 5000 },
      { activates: async () => activates, append: async () => appended.push(account) },
    );
  return { appended, replica, activate, looks: () => looks };
};

test("of twice as many at once as may be active, one replica activates just as many and refuses the others; it seldom waits for the look-up", async () => {
  const { appended, replica, activate, looks } = openLog();
  const one = replica();
  const some = await Promise.allSettled(Array.from({ length: most }, () => activate(one)));
  const waits = looks();
  const more = await Promise.allSettled(Array.from({ length: most }, () => activate(one)));
  expect(some.every(({ status }) => status === "fulfilled")).toBe(true);
  for (const each of more) expect(each).toMatchObject({ status: "rejected", reason: expect.any(Refusal) });
  expect(appended).toHaveLength(most);
  expect(waits).toBeLessThan(12);
});

test("two replicas at once end at most one above", async () => {
  const { appended, replica, activate } = openLog();
  const [one, other] = [replica(), replica()];
  await Promise.allSettled(Array.from({ length: 2 * most }, (_, index) => activate(index % 2 === 0 ? one : other)));
  expect(appended.length).toBeGreaterThanOrEqual(most);
  expect(appended.length).toBeLessThanOrEqual(most + 1);
});

test("what was activated while it waited for its turn is not counted again", async () => {
  const { appended, replica, activate } = openLog();
  const one = replica();
  await Promise.all(Array.from({ length: most }, () => activate(one)));
  await activate(one, garage, false);
  expect(appended).toHaveLength(most + 1); // asked of the hunt itself, which adds nothing
});

test("an account that was forgotten for others is looked up again", async () => {
  const { appended, replica, activate } = openLog();
  const one = replica();
  await Promise.all(Array.from({ length: most / 2 }, () => activate(one)));
  for (let n = 0; n < rememberedAccounts; n++) await activate(one, accountId.parse(`other-${n}`));
  await Promise.allSettled(Array.from({ length: most }, () => activate(one)));
  expect(appended.filter((each) => each === garage)).toHaveLength(most);
});

test("an account in which somebody waits is not forgotten for others: who comes next waits for him", async () => {
  const { replica, activate } = openLog();
  const one = replica();
  const { promise: appending, resolve: appended } = Promise.withResolvers<void>();
  const order: string[] = [];
  const garageActivates = (name: string, until: Promise<void>) =>
    one.activate(
      garage,
      { deadlineAt: Date.now() + 5000 },
      {
        activates: async () => true,
        append: async () => {
          order.push(`${name} begins`);
          await until;
          order.push(`${name} ends`);
        },
      },
    );
  const first = garageActivates("first", appending);
  for (let n = 0; n <= rememberedAccounts; n++) await activate(one, accountId.parse(`other-${n}`));
  const second = garageActivates("second", Promise.resolve());
  await activate(one, accountId.parse("last"));
  appended();
  await Promise.all([first, second]);
  expect(order).toEqual(["first begins", "first ends", "second begins", "second ends"]);
});
