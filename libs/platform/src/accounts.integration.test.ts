import { type HuntEvent, huntCodec } from "@outrider/contracts/hunts";
import { accountId, huntId, systemAccount } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Codec, ensureStream, jetStreamStore, type Kernel } from "@outrider/eventing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type AccountsWatch, watchAccounts } from "./accounts.ts";
import { defineConfig } from "./config.ts";
import { kernelOf } from "./kernel.ts";
import type { Service } from "./service.ts";
import { openTestService } from "./testing.ts";

const [garage, bakery] = [accountId.parse("garage"), accountId.parse("bakery")];
const [vans, cars] = [huntId.parse("vans"), huntId.parse("cars")];
const soon = { timeout: 10_000, interval: 10 };

let server: ThrowAwayNats;
let service: Service;
let kernel: Kernel;
let accounts: AccountsWatch;
beforeAll(async () => {
  server = await throwAwayNats();
  service = await openTestService(defineConfig("projector", {}), { NATS_URL: server.url });
  kernel = kernelOf(service);
});
beforeEach(async () => {
  for (const declared of [streams.registry, streams.hunts]) await ensureStream(service.jsm, declared);
  for (const account of [garage, bakery]) await tell(account, created(account));
  accounts = watchAccounts(kernel);
  await accounts.caughtUp;
});
afterEach(async () => {
  await accounts.stop();
  for (const { name } of [streams.registry, streams.hunts]) await service.jsm.streams.delete(name).catch(() => false);
});
afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await server?.stop();
});

const append = async <Event>(stream: string, codec: Codec<Event>, subject: string, event: Event): Promise<void> => {
  const store = jetStreamStore<Event>({ jsm: kernel.jsm, publisher: kernel.publisher, stream, codec });
  const expected = (await store.last(subject))?.revision ?? 0;
  const id = crypto.randomUUID();
  const at = "2026-11-20T10:00:00.000Z";
  await store.append(subject, { commandId: id, executionId: id, at, events: [event], expected, closing: 0 }, performance.now() + 5000);
};
const tell = (account: typeof garage, event: AccountEvent) => append(streams.registry.name, accountCodec, subjects.account(account), event);
const tellHunt = (hunt: typeof vans, event: HuntEvent) => append(streams.hunts.name, huntCodec, subjects.hunt(garage, hunt), event);
const created = (account: typeof garage): AccountEvent => ({
  type: "AccountCreated",
  data: {
    ...{ account, name: account, timeZone: "Europe/Paris", country: "FR", policy: accountPolicy.parse({}) },
    secret: { k: `account.${account}`, v: "sealed" },
  },
});
const [paused, resumed] = [
  { type: "AccountPaused", data: { by: "ada" } },
  { type: "AccountResumed", data: { by: "ada" } },
] as const;

test("everything, an account and a hunt are paused until they are resumed, and nobody else is", async () => {
  const told = () => [
    accounts.pausedBy(garage),
    accounts.pausedBy(garage, vans),
    accounts.pausedBy(garage, cars),
    accounts.pausedBy(bakery),
  ];
  const becomes = (...wanted: ReturnType<typeof told>) => expect.poll(told, soon).toEqual(wanted);
  await becomes(undefined, undefined, undefined, undefined);
  await tellHunt(vans, { type: "HuntPaused", data: { by: "ada" } });
  await becomes(undefined, "hunt", undefined, undefined);
  await tell(garage, paused);
  await becomes("account", "account", "account", undefined);
  await tell(systemAccount, paused);
  await becomes("everything", "everything", "everything", "everything");
  await tell(systemAccount, resumed);
  await becomes("account", "account", "account", undefined);
  await tell(garage, resumed);
  await becomes(undefined, "hunt", undefined, undefined);
  await tellHunt(vans, { type: "HuntResumed", data: { by: "ada" } });
  await becomes(undefined, undefined, undefined, undefined);
  await tellHunt(cars, { type: "HuntArchived", data: {} });
  await becomes(undefined, undefined, "hunt", undefined);
});

test.each([streams.registry.name, streams.hunts.name])("without the stream %s nobody knows what is paused", async (stream) => {
  expect(accounts.isCurrent()).toBe(true);
  await service.jsm.streams.delete(stream);
  await vi.waitFor(() => expect(accounts.isCurrent()).toBe(false), soon);
});

test("the accounts alone are not enough: it is not caught up before the pauses of hunts are known", async () => {
  await service.jsm.streams.delete(streams.hunts.name);
  const late = watchAccounts(kernel);
  let caughtUp = false;
  const caught = late.caughtUp.then(() => {
    caughtUp = true;
  });
  await vi.waitFor(() => expect(late.account(bakery)).toBeDefined(), soon);
  await new Promise((turn) => setImmediate(turn));
  expect([caughtUp, late.isCurrent()]).toEqual([false, false]);
  await ensureStream(service.jsm, streams.hunts);
  await caught;
  expect(late.isCurrent()).toBe(true);
  await late.stop();
});
