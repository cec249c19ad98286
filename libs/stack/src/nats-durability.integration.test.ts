import { expect, test } from "vitest";
import { diagnose } from "./diagnose.ts";
import { temporaryFolder } from "./test-world.ts";
import { throwAwayNats } from "./testing.ts";

test("in live mode doctor tells whether what NATS acknowledges survives a power failure", async () => {
  await using folder = await temporaryFolder();
  const found = async (more: NodeJS.ProcessEnv) =>
    (await diagnose({ env: { PATH: "", OUTRIDER_CACHE: folder.path, OUTRIDER_PROVIDERS: "live", ...more }, dir: folder.path })).find(
      ({ says }) => says.startsWith("live mode"),
    );
  const server = { NATS_URL: "nats://127.0.0.1:1" };
  expect(await found({})).toMatchObject({ state: "fine", says: expect.stringContaining("of our own") });
  expect(await found({ ...server, NATS_REPLICAS: "3" })).toMatchObject({ state: "fine", says: expect.stringContaining("separate power") });
  expect(await found(server)).toMatchObject({
    state: "unsure",
    remedy: expect.stringMatching(/^tell NATS_MONITOR_URL, and set `sync_interval/),
  });
  expect(await found({ ...server, NATS_MONITOR_URL: "http://127.0.0.1:1" })).toMatchObject({ state: "unsure" });
  for (const [syncInterval, state] of [
    ["always", "fine"],
    ["2m", "wrong"],
  ] as const) {
    await using nats = await throwAwayNats({ syncInterval });
    expect(await found({ ...server, NATS_MONITOR_URL: nats.monitorUrl })).toMatchObject({ state });
  }
  expect(await found({ OUTRIDER_PROVIDERS: "sandbox" })).toBeUndefined();
});
