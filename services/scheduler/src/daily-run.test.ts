import { accountId } from "@outrider/contracts/ids";
import { type AccountEvent, accountPolicy } from "@outrider/contracts/registry";
import { expect, test } from "vitest";
import { dailyRun } from "./daily-run.ts";

const policy = accountPolicy.parse({});
const created: AccountEvent = {
  type: "AccountCreated",
  data: { account: accountId.parse("garage"), name: "Garage", timeZone: "Europe/Paris", country: "FR", secret: { k: "k", v: "v" }, policy },
};
const after = (...events: AccountEvent[]) =>
  events.reduce((state, event, index) => dailyRun.evolve(state, event, `day ${index}`), dailyRun.initial());

test("an account's day begins when its policy says, in its own time zone", () => {
  expect(after(created)).toEqual({ cron: "0 9 * * *", timeZone: "Europe/Paris", enabled: true, since: "day 0" });
  const later = { ...policy, dailyRunCron: "30 7 * * *", dailyRunEnabled: false };
  expect(after(created, { type: "AccountPolicyChanged", data: { policy: later } })).toEqual({
    cron: "30 7 * * *",
    timeZone: "Europe/Paris",
    enabled: false,
    since: "day 1",
  });
  expect(after(created, { type: "AccountPolicyChanged", data: { policy: { ...policy, dailyLimit: 7 } } })).toMatchObject({
    since: "day 0",
  });
});

test("what is not an account has no day", () => {
  expect(after({ type: "AccountPaused", data: { by: "ops" } })).toBeUndefined();
});
