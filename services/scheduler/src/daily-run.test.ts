import { accountId } from "@outrider/contracts/ids";
import { type AccountEvent, accountPolicy } from "@outrider/contracts/registry";
import { expect, test } from "vitest";
import { dailyRun } from "./daily-run.ts";

const policy = accountPolicy.parse({});
const created: AccountEvent = {
  type: "AccountCreated",
  data: { account: accountId.parse("garage"), name: "Garage", timeZone: "Europe/Paris", country: "FR", secret: { k: "k", v: "v" }, policy },
};
/** So many half days later. */
const at = (index: number): string => new Date(Date.parse("2026-10-01T00:00:00.000Z") + index * 43_200_000).toISOString();
const after = (...events: AccountEvent[]) =>
  events.reduce((state, event, index) => dailyRun.evolve(state, event, at(index)), dailyRun.initial());

test("an account's day begins when its policy says, in its own time zone", () => {
  expect(after(created)).toEqual({ cron: "0 9 * * *", timeZone: "Europe/Paris", enabled: true, since: at(0), before: [] });
  const later = { ...policy, dailyRunCron: "30 7 * * *", dailyRunEnabled: false };
  expect(after(created, { type: "AccountPolicyChanged", data: { policy: later } })).toEqual({
    cron: "30 7 * * *",
    timeZone: "Europe/Paris",
    enabled: false,
    since: at(1),
    before: [{ cron: "0 9 * * *", since: at(0), until: at(1) }],
  });
  expect(after(created, { type: "AccountPolicyChanged", data: { policy: { ...policy, dailyLimit: 7 } } })).toMatchObject({
    since: at(0),
  });
});

test("what was wanted before is kept for a day, and only as long as the daily run stays on", () => {
  const change = (more: Partial<typeof policy>): AccountEvent => ({
    type: "AccountPolicyChanged",
    data: { policy: { ...policy, ...more } },
  });
  const [one, two, three] = ["1", "2", "3"].map((hour) => change({ dailyRunCron: `0 ${hour} * * *` }));
  if (one === undefined || two === undefined || three === undefined) throw new Error("three changes");
  const untils = (...events: AccountEvent[]) => after(created, ...events)?.before.map(({ until }) => until);
  expect(untils(one, two)).toEqual([at(2), at(1)]);
  expect(untils(one, two, three)).toEqual([at(3), at(2)]);
  expect(untils(one, change({ dailyRunEnabled: false }), two)).toEqual([]);
});

test("however often the hour is changed within a day, the last 32 wishes are kept", () => {
  let state = after(created);
  for (let n = 0; n < 1000; n++) {
    const data = { policy: { ...policy, dailyRunCron: `${n % 60} 9 * * *` } };
    state = dailyRun.evolve(state, { type: "AccountPolicyChanged", data }, new Date(Date.parse(at(0)) + n * 1000).toISOString());
  }
  expect(state?.before).toHaveLength(32);
  expect(state?.before[0]).toMatchObject({ cron: "38 9 * * *" });
});

test("what is not an account has no day", () => {
  expect(after({ type: "AccountPaused", data: { by: "ops" } })).toBeUndefined();
});
