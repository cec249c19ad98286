import { randomBytes } from "node:crypto";
import { accountId, importId } from "@outrider/contracts/ids";
import { uploadCodec } from "@outrider/contracts/inbox";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream, jetStreamStore } from "@outrider/eventing";
import { kernelOf, keyIds, type Service } from "@outrider/platform";
import { openTestService } from "@outrider/platform/testing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { definition } from "./config.ts";
import { type Uploads, uploadsOf } from "./uploads.ts";

const account = accountId.parse("garage");
let nats: ThrowAwayNats;
const services: Service[] = [];
let one: Uploads;
let other: Uploads;

beforeAll(async () => {
  nats = await throwAwayNats();
  const open = async () => {
    const service = await openTestService(definition, {
      ...{ NATS_URL: nats.url, OUTRIDER_ADMIN_KEY: "operator-of-the-tests", OUTRIDER_WEBHOOK_SECRET: "0123456789abcdef0123456789abcdef" },
    });
    services.push(service);
    await ensureStream(service.jsm, streams.uploads);
    return uploadsOf(kernelOf(service), service, 10_000_000);
  };
  one = await open();
  other = await open();
});
afterAll(async () => {
  for (const service of services) await service[Symbol.asyncDispose]();
  await nats.stop();
});

/** What a reader finds from the beginning to the last piece, as the importer reads it: nothing twice, nothing missing. */
const stored = async (id: string): Promise<Buffer> => {
  const [service] = services;
  if (service === undefined) throw new Error("no gateway");
  const parts: Uint8Array[] = [];
  const messages = await service.jsm.direct.getBatch(streams.uploads.name, {
    ...{ seq: 1, batch: 1000, next_by_subj: subjects.upload(account, id) },
  });
  for await (const { data } of messages) {
    const decoded = uploadCodec.decode(data);
    if (decoded.kind !== "events") throw new Error(decoded.kind);
    for (const { data: piece } of decoded.events) {
      expect(piece.index).toBe(parts.length);
      parts.push(Buffer.from(await service.keyring.openBytes(piece.piece)));
    }
  }
  return Buffer.concat(parts);
};

const upload = (id: string) => ({ account, import: importId.parse(id), commandId: id, traceparent: "" });
/** A file that waits for `go` after each chunk that is named. */
async function* slowly(file: Buffer, at: number, go: Promise<void>): AsyncGenerator<Uint8Array> {
  yield file.subarray(0, at);
  await go;
  yield file.subarray(at);
}
const file = randomBytes(900_000);

test("a file that comes to two gateways at the same moment is stored once, whole", async () => {
  for (let round = 0; round < 12; round++) {
    const id = `both-${round}`;
    const ends = await Promise.allSettled(
      [one, other].map((gateway) => gateway.store(upload(id), slowly(file, 300_000, Promise.resolve()))),
    );
    const won = ends.filter((end) => end.status === "fulfilled").map(({ value }) => value);
    expect(won.length).toBeGreaterThan(0);
    expect(won.every((bytes) => bytes === file.length)).toBe(true);
    for (const end of ends) if (end.status === "rejected") expect(end.reason).toMatchObject({ slug: "conflict", rule: "upload-under-way" });
    expect((await stored(id)).equals(file)).toBe(true);
  }
});

test("the later of two goes on, and the earlier one is told so and takes nothing of it away", async () => {
  const { promise: go, resolve } = Promise.withResolvers<void>();
  const earlier = one.store(upload("overtaken"), slowly(file, 700_000, go));
  earlier.catch(() => undefined);
  await expect.poll(async () => (await stored("overtaken")).length).toBeGreaterThan(300_000);
  expect(await other.store(upload("overtaken"), slowly(file, 10, Promise.resolve()))).toBe(file.length);
  resolve();
  await expect(earlier).rejects.toMatchObject({ slug: "conflict", rule: "upload-under-way" });
  expect((await stored("overtaken")).equals(file)).toBe(true);
});

test("a file that is there already is not stored again, and is not mixed with another one", async () => {
  await one.store(upload("there"), slowly(file, 1, Promise.resolve()));
  expect(await other.store(upload("there"), slowly(randomBytes(500_000), 1, Promise.resolve()))).toBe(file.length);
  expect((await stored("there")).equals(file)).toBe(true);
});

/** Puts pieces of two tries one behind the other, as a gateway does that is killed before it has put away what it found. */
const leave = async (id: string, ...pieces: { readonly bytes: Buffer; readonly last: boolean }[]): Promise<void> => {
  const [service] = services;
  if (service === undefined) throw new Error("no gateway");
  const { jsm, publisher } = kernelOf(service);
  const store = jetStreamStore({ jsm, publisher, stream: streams.uploads.name, codec: uploadCodec });
  const subject = subjects.upload(account, id);
  for (const { bytes, last } of pieces) {
    const data = {
      index: 0,
      piece: await service.keyring.seal(keyIds.account(account), bytes),
      last,
      ...(last ? { bytes: bytes.length } : {}),
    };
    const expected = (await store.last(subject))?.revision ?? 0;
    const cause = { commandId: id, executionId: crypto.randomUUID(), at: service.clock.now(), expected, closing: 0 };
    await store.append(subject, { ...cause, events: [{ type: "UploadPiece", data }] }, performance.now() + 5000);
  }
};

test("a file that is there beside what an earlier try has left of another is stored anew, alone", async () => {
  await leave("leftovers", { bytes: Buffer.from("of another"), last: false }, { bytes: randomBytes(1000), last: true });
  expect(await one.store(upload("leftovers"), slowly(file, 1, Promise.resolve()))).toBe(file.length);
  expect((await stored("leftovers")).equals(file)).toBe(true);
});

test("of a file that breaks off nothing stays", async () => {
  const { promise: go, reject } = Promise.withResolvers<void>();
  const broken = one.store(upload("broken"), slowly(file, 700_000, go));
  broken.catch(() => undefined);
  await expect.poll(async () => (await stored("broken")).length).toBeGreaterThan(300_000);
  reject(new Error("gone"));
  await expect(broken).rejects.toThrow("gone");
  expect((await stored("broken").catch(() => Buffer.alloc(0))).length).toBe(0);
});

test("a file that is larger than it may be is refused as soon as that shows, and nothing of it stays", async () => {
  const [service] = services;
  if (service === undefined) throw new Error("no gateway");
  const small = uploadsOf(kernelOf(service), service, file.length - 1);
  await expect(small.store(upload("large"), slowly(file, 700_000, Promise.resolve()))).rejects.toMatchObject({ slug: "too-large" });
  expect((await stored("large").catch(() => Buffer.alloc(0))).length).toBe(0);
  const exact = uploadsOf(kernelOf(service), service, file.length);
  expect(await exact.store(upload("exact"), slowly(file, 700_000, Promise.resolve()))).toBe(file.length);
});
