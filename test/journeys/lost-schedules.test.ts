import { streams } from "@outrider/contracts/streams";
import { afterAll, beforeAll, expect, test } from "vitest";
import { huntOf, ok, openShop, type Shop } from "../http.ts";
import { eventually, openWorld, rowsOf, type World } from "../world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld({
    replicas: 2,
    env: { POLL_PROVIDER_MS: "0", OVERDUE_EVERY_MS: "1000", OVERDUE_AFTER_MS: "1500" },
  });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const people = 20;
/** A shop whose contacts are on their way. */
const running = async (name: string, limits: object): Promise<Shop> => {
  const shop = await openShop(world, name, { limits });
  ok(await shop.client.post("/v1/hunts", huntOf({ templates: { sms: `{{ ad.title }} (${name}). STOP pour ne plus recevoir.` } })));
  const { body } = ok(await shop.client.upload("/v1/imports?fileName=ads.csv&source=file", rowsOf(people, { source: name })));
  await eventually("the ads are imported", async () =>
    ok(await shop.client.get(`/v1/imports/${body.import}`)).body.status === "finished" ? true : undefined,
  );
  ok(await shop.client.post("/v1/runs", {}));
  return shop;
};
const pending = async (name: string): Promise<number> => {
  const { state } = await world.kernel.jsm.streams.info(streams.schedule.name, { subjects_filter: `schedule.sms-sender.${name}.>` });
  return Object.keys(state.subjects ?? {}).length;
};
const messages = async (name: string): Promise<readonly string[]> => {
  const numbers: string[] = [];
  for await (const row of world.sim.log())
    if (row.operation === "sendsms" && row.accepted && row.text?.includes(`(${name})`)) numbers.push(row.to ?? "");
  return numbers;
};

test("with all schedules lost, whoever waited for a turn or for the provider is written to all the same, once, and everything ends", async () => {
  await world.sim.setFaults({ tooMany: 1, retryAfterS: 4 });
  const [busy, paced] = await Promise.all([running("busy", {}), running("paced", { minGapMs: 400 })]);
  await eventually("they wait", async () => ((await pending("wanted")) >= people && (await pending("turn")) > 0 ? true : undefined));
  const { purged } = await world.kernel.jsm.streams.purge(streams.schedule.name);
  expect(purged).toBeGreaterThan(people);
  await world.sim.setFaults({ tooMany: 0 });

  for (const [name, shop] of [
    ["busy", busy],
    ["paced", paced],
  ] as const) {
    const credits = await eventually(`${name} has settled`, async () => {
      const { body } = ok(await shop.client.get("/v1/credits"));
      return body.held === 0 ? body : undefined;
    });
    expect(credits.captured).toBe(people);
    const numbers = await messages(name);
    expect(numbers).toHaveLength(people);
    expect(new Set(numbers).size).toBe(people);
  }
});
