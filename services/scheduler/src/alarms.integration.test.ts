import { accountId } from "@outrider/contracts/ids";
import { streams } from "@outrider/contracts/streams";
import { ensureStream } from "@outrider/eventing";
import { kernelOf } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { throwAwayNats } from "@outrider/stack/testing";
import { afterAll, expect, test } from "vitest";
import { alarmsOf } from "./alarms.ts";
import { definition } from "./config.ts";
import type { DailyRun } from "./daily-run.ts";

const nats = await throwAwayNats();
const service = await openTestService(definition, { NATS_URL: nats.url });
await ensureStream(service.jsm, streams.schedule);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await nats.stop();
});

const at = "2027-03-02T07:00:00.000Z";
const wish = (cron: string): DailyRun => ({ cron, timeZone: "Europe/Paris", enabled: true, since: at, before: [] });

test("an account that changes while it is armed is armed for the change: whoever is late leaves no earlier wish behind", async () => {
  const account = accountId.parse("moving");
  const wishes = [wish("0 9 * * *"), wish("30 7 * * *")];
  let folds = 0;
  const dailyRuns = {
    fold: async () => {
      const revision = Math.min(++folds, wishes.length);
      return { state: wishes[revision - 1], revision, trace: undefined };
    },
  };
  const alarms = alarmsOf(kernelOf(service), dailyRuns, { now: () => at, toReal: (iso) => new Date(iso), offsetMs: 0 });
  await alarms.bring(account, { commandId: "bring", at });
  expect(await alarms.armed(account)).toEqual({ kind: "cron", cron: "30 7 * * *", timeZone: "Europe/Paris" });
  expect(folds).toBe(3);
});
