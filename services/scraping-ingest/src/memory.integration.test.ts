import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
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
  service = await openTestService(definition, { NATS_URL: nats.url });
  await openIngest(service);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await world.service[Symbol.asyncDispose]();
  await nats.stop();
});

const live = (): number => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
};

test("a large file takes no more memory than a small one", async () => {
  const account = testAccount("large");
  const lines = (from: number, count: number) =>
    [
      "sourceId,title,price,city",
      ...Array.from({ length: count }, (_, at) => `id-${from + at},A car with a title ${at},${1000 + at},Paris`),
    ].join("\n");
  const imported = async (id: string, from: number, count: number) => {
    await world.upload(account, id, lines(from, count), { pieceBytes: 65_536 });
    await world.start(account, id);
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, live());
    }, 100);
    try {
      expect((await world.ended(account, id)).counts).toMatchObject({ read: count, new: count });
    } finally {
      clearInterval(watching);
    }
    return most;
  };
  await imported("warm", 0, 2000);
  const before = live();
  const most = await imported("large", 10_000, 20_000);
  expect(most - before).toBeLessThan(40);
  expect(live() - before).toBeLessThan(10);
});
