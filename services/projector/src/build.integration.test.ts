import { accountId } from "@outrider/contracts/ids";
import { type LedgerEvent, ledgerCodec } from "@outrider/contracts/ledger";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, jetStreamStore } from "@outrider/eventing";
import { kernelOf, openMongo } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { testMongo, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, expect, test } from "vitest";
import { aliasesIn } from "./aliases.ts";
import { build } from "./build.ts";
import { definition } from "./config.ts";
import { groups } from "./groups.ts";
import type { ProjectorHost } from "./host.ts";
import { readingOnly } from "./replay.ts";

const [nats, mongo] = await Promise.all([throwAwayNats(), testMongo()]);
const service = await openTestService(definition, {
  ...{ NATS_URL: nats.url, MONGODB_URL: mongo.url, MONGODB_DATABASE: mongo.database },
  PROJECTOR_BATCH_MESSAGES: "1", // so that a hundred messages take longer than it takes to stop reading
});
const kernel = kernelOf(service);
const { db } = await openMongo(service);
await ensureStream(service.jsm, streams.ledger);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await nats.stop();
});

const subject = subjects.balance(accountId.parse("garage"));
const at = "2026-11-20T10:00:00.000Z";
const store = jetStreamStore({ jsm: kernel.jsm, publisher: kernel.publisher, stream: streams.ledger.name, codec: ledgerCodec });
const head = async (): Promise<number> => (await service.jsm.streams.info(streams.ledger.name)).state.last_seq;
const grants = async (count: number): Promise<void> => {
  for (let seq = await head(), end = seq + count; seq < end; seq++) {
    const events: LedgerEvent[] = [{ type: "CreditsGranted", data: { grant: `g${seq}`, credits: 1, by: "ops" } }];
    const append = { commandId: `c${seq}`, executionId: `e${seq}`, at, events, expected: seq, closing: 0 };
    await store.append(subject, append, performance.now() + 10_000);
  }
};

test("what the reader takes in between the last look at it and its stand is built before the new collection serves", async () => {
  const group = groups.find(({ stream }) => stream === streams.ledger.name);
  const view = group?.views.find(({ name }) => name === "statement");
  if (group === undefined || view === undefined) throw new Error("there is such a view");
  const host: ProjectorHost = {
    ...{ kernel, db, config: service.config, acquire: service.acquireLease },
    ...{ now: service.clock.realNow, aliases: aliasesIn(db, service.clock.realNow) },
  };
  const collection = "statement-built-anew";
  const swapped: { readonly upTo: number; readonly documents: number }[] = [];
  await grants(10);
  await build(host, group, view, { collection, version: view.version, build: 1, since: at }, readingOnly("reader"), {
    applied: head,
    exclusive: async (work) => {
      await grants(100);
      return work();
    },
    swap: async (_degraded, upTo) => {
      swapped.push({ upTo, documents: await db.collection(collection).countDocuments() });
      return true;
    },
  });
  expect(swapped).toEqual([{ upTo: 110, documents: 110 }]);
});
