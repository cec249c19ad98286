import type { Service } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { definition, type IngestConfig } from "./config.ts";
import { openIngest } from "./ingest.ts";
import { openWorld, testAccount, type World } from "./testing/world.ts";

let nats: ThrowAwayNats;
let world: World;
let service: Service<IngestConfig>;

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openWorld(nats.url);
  service = await openTestService(definition, { NATS_URL: nats.url, LOG_LEVEL: process.env["LOG_LEVEL"] ?? "silent" });
  await openIngest(service);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await world.service[Symbol.asyncDispose]();
  await nats.stop();
});

const row = (at: number, price = 1000 + at) => `id-${at},Peugeot ${at},${price},+336000000${String(at).padStart(2, "0")},call me ${at}`;
const file = (...rows: string[]) => ["sourceId,title,price,phone,description", ...rows, ""].join("\n");
const rows = (count: number) => Array.from({ length: count }, (_, at) => row(at));

test("a file of ten rows becomes ten listed ads", async () => {
  const account = testAccount("ten-rows");
  await world.upload(account, "one", file(...rows(10)));
  await world.start(account, "one");
  const { status, counts } = await world.ended(account, "one");
  expect({ status, counts }).toEqual({ status: "finished", counts: { read: 10, new: 10, changed: 0, duplicate: 0, bad: 0 } });
  const listed = await world.events(account, "ad");
  expect(listed.map(({ type }) => type)).toEqual(Array(10).fill("AdListed"));
  expect(JSON.stringify(listed)).not.toContain("call me");
});
