import { viewsCollection } from "@outrider/contracts/projector";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, headerLine, type Kernel, type Lease } from "@outrider/eventing";
import { kernelOf, openMongo, openService, parseConfig, type Service } from "@outrider/platform";
import { type TestMongo, type ThrowAwayNats, testMongo, throwAwayNats } from "@outrider/stack/testing";
import type { Db } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aliasesIn } from "./aliases.ts";
import { build } from "./build.ts";
import { definition, type ProjectorConfig } from "./config.ts";
import { groups } from "./groups.ts";
import { readGroup } from "./reader.ts";
import { replay } from "./replay.ts";

let nats: ThrowAwayNats;
let mongo: TestMongo;
let service: Service<ProjectorConfig>;
let kernel: Kernel;
let db: Db;

beforeAll(async () => {
  [nats, mongo] = await Promise.all([throwAwayNats(), testMongo()]);
  const environment = { NATS_URL: nats.url, MONGODB_URL: mongo.url, MONGODB_DATABASE: mongo.database, LOG_LEVEL: "silent" };
  const parsed = parseConfig(definition, { ...environment, PROJECTOR_LOOK_EVERY_MS: "100" });
  if (!parsed.ok) throw new Error(parsed.problems.join("; "));
  service = await openService(parsed.config, { ownsProcess: false });
  kernel = kernelOf(service);
  ({ db } = await openMongo(service));
  await ensureStream(service.jsm, streams.ledger);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await nats.stop();
});

/** A lease as a process finds it that has stood still: nobody has raised its signal yet, but whoever asks is told that it is lost. */
const standingStill = () => {
  const state = { isLost: false };
  const [held, lost] = [new AbortController().signal, AbortSignal.abort()];
  const lease: Lease = {
    ...{ name: "stood-still", epoch: 1, release: async () => undefined },
    get lost() {
      return state.isLost ? lost : held;
    },
  };
  return { lease, state };
};

test("a reader that stood still before it begins a build does not drop what another reader has built meanwhile, and serves now", async () => {
  const group = groups.find(({ stream }) => stream === streams.ledger.name);
  const view = group?.views.find(({ name }) => name === "balances");
  if (group === undefined || view === undefined) throw new Error("there is such a view");
  const building = { collection: "balances@1-2", version: 1, build: 2, since: "2026-11-20T10:00:00.000Z" };
  const serving = db.collection<{ _id: string }>(building.collection);
  await serving.insertOne({ _id: "garage.garage" });
  const { lease, state } = standingStill();
  state.isLost = true;
  const host = { kernel, db, aliases: aliasesIn(db, () => ""), acquire: async () => lease, now: () => "", config: service.config };
  const reader = { exclusive: <T>(work: () => Promise<T>) => work(), applied: async () => 0, swap: async () => false };
  await expect(build(host, group, view, building, lease, reader)).rejects.toThrow("lost");
  expect(await serving.countDocuments()).toBe(1);
});

test("a build reads no further once its reader's lease is lost, though nobody has raised the signal yet", async () => {
  const { lease, state } = standingStill();
  const handled: number[] = [];
  const group = groups.find(({ stream }) => stream === streams.ledger.name);
  if (group === undefined) throw new Error("there is such a group");
  const options = { name: "borrows", stream: group.stream, codec: group.codec, batch: 10, lease };
  const reading = replay(kernel, options, async (batch) => void handled.push(...batch.map(({ revision }) => revision)));
  const granted = { at: "2026-11-20T10:00:00.000Z", events: [] };
  const write = async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(granted));
    const answer = await kernel.publisher.publish(subjects.balance("garage" as never), bytes, headerLine("Outrider-Command", "c"));
    return answer.kind === "stored" ? answer.seq : Number.NaN;
  };
  const first = await write();
  expect(await reading.reached(first, performance.now() + 10_000)).toBe(true);
  state.isLost = true;
  expect(await reading.reached(await write(), performance.now() + 500)).toBe(false);
  await reading.stop();
  expect(handled).toEqual([first]);
});

test("what an earlier release has wanted is not dropped when its replica swapped it in at the last moment: it serves until the new one does", async () => {
  const group = groups.find(({ stream }) => stream === streams.ledger.name);
  const version = group?.views.find(({ name }) => name === "balances")?.version;
  if (group === undefined || version === undefined) throw new Error("there is such a view");
  const now = () => "2026-11-20T10:00:00.000Z";
  const earlier = { collection: "balances-of-an-earlier-release", version: version - 1, build: 900 };
  const aliases = db.collection<{ _id: string }>(viewsCollection);
  const before = { collection: "balances@0-0", version: version - 1, build: 1, epoch: 0 };
  await aliases.insertOne({ _id: "balances", ...before, building: { ...earlier, since: now() } } as { _id: string });
  const built = db.collection<{ _id: string }>(earlier.collection);
  await built.insertOne({ _id: "garage.garage" });
  const real = aliasesIn(db, now);
  const servedUntilTheSwap: number[] = [];
  const host = {
    ...{ kernel, db, now, config: service.config, acquire: service.acquireLease },
    aliases: {
      ...real,
      want: async (view: Parameters<typeof real.want>[0]) => {
        await aliases.updateOne({ _id: "balances", build: 1 }, { $set: earlier, $unset: { building: "" } });
        return real.want(view);
      },
      swap: async (...asked: Parameters<typeof real.swap>) => {
        servedUntilTheSwap.push(await built.countDocuments());
        return real.swap(...asked);
      },
    },
  };
  const reader = readGroup(host, group);
  await expect.poll(() => servedUntilTheSwap, { timeout: 20_000 }).toEqual([1]);
  await reader.stop();
});
