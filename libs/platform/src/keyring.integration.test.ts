import { accountId, personId } from "@outrider/contracts/ids";
import { buckets } from "@outrider/contracts/streams";
import { pipelinedPublisher } from "@outrider/eventing";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openBucket } from "./bucket.ts";
import { defineConfig } from "./config.ts";
import { CannotOpen, masterKey } from "./keyring/cipher.ts";
import { keyIds } from "./keyring/key-ids.ts";
import { KeyStore } from "./keyring/key-store.ts";
import { createKeyring, erased } from "./keyring/keyring.ts";
import { KeyDestroyed, KeyMissing } from "./keyring/keys.ts";
import { symmetricSealer } from "./keyring/sealer.ts";
import type { Service } from "./service.ts";
import { openTestService } from "./testing.ts";

const account = accountId.parse("acme");
const person = (name: string): string => keyIds.person(account, personId.parse(name));
const masterBytes = Buffer.alloc(32, 9);
const masterText = masterBytes.toString("base64");

let server: ThrowAwayNats;
let one: Service;
let two: Service;
const open = () => openTestService(defineConfig("registry", {}), { NATS_URL: server.url, OUTRIDER_MASTER_KEY: masterText });
beforeAll(async () => {
  server = await throwAwayNats();
  [one, two] = await Promise.all([open(), open()]);
});
afterAll(async () => {
  await Promise.all([one?.[Symbol.asyncDispose](), two?.[Symbol.asyncDispose]()]);
  await server?.stop();
});

test("what one process seals another opens, text and bytes alike", async () => {
  const sealed = await one.keyring.seal(person("marie"), "+33639980001 é");
  expect(sealed.k).toBe("person.acme.marie");
  expect(JSON.stringify(sealed)).not.toContain("639980001");
  expect(await two.keyring.open(sealed)).toBe("+33639980001 é");
  const bytes = await two.keyring.seal(keyIds.inbox("2026-11-21"), Uint8Array.of(0, 255, 1));
  expect(new Uint8Array(Buffer.from(await one.keyring.openBytes(bytes)))).toEqual(Uint8Array.of(0, 255, 1));
});

test("the same text sealed twice looks different, and fits no other key", async () => {
  const first = await one.keyring.seal(person("marie"), "same");
  const again = await one.keyring.seal(person("marie"), "same");
  expect(first.v).not.toBe(again.v);
  await one.keyring.ensure([person("other")]);
  await expect(one.keyring.open({ k: person("other"), v: first.v })).rejects.toThrow(CannotOpen);
  await expect(one.keyring.open({ k: first.k, v: `${first.v.slice(0, -4)}AAAA` })).rejects.toThrow("it was changed");
});

test("two replicas that make the same key at once end up with the same one", async () => {
  const ids = Array.from({ length: 200 }, (_, index) => person(`race-${index}`));
  const seal = (service: Service) => service.keyring.sealMany(ids.map((keyId) => ({ keyId, plain: keyId })));
  const [fromOne, fromTwo] = await Promise.all([seal(one), seal(two)]);
  expect(await one.keyring.openMany(fromTwo)).toEqual(ids);
  expect(await two.keyring.openMany(fromOne)).toEqual(ids);
});

test("keys that are likely new are made without being looked for, and what is there nevertheless is found, destroyed ones too", async () => {
  const [fresh, there, gone] = [person("likely"), person("there"), person("not-any-more")];
  const sealed = await two.keyring.seal(there, "Marie");
  await two.keyring.ensure([gone]);
  await two.keyring.destroy(gone);
  const looks = vi.spyOn(one.jsm.direct, "getLastMessagesFor");
  await one.keyring.ensure([fresh], { likelyNew: true });
  expect(looks).not.toHaveBeenCalled();
  await expect(one.keyring.ensure([there, gone], { likelyNew: true })).rejects.toMatchObject({ keyIds: [gone] });
  expect(await one.keyring.open(sealed)).toBe("Marie");
  looks.mockRestore();
});

test("makes 500 keys in one go and opens under all of them", async () => {
  const items = Array.from({ length: 600 }, (_, index) => ({ keyId: person(`page-${index}`), plain: `number ${index}` }));
  const sealed = await one.keyring.sealMany(items);
  expect(await two.keyring.openMany(sealed)).toEqual(items.map(({ plain }) => plain));
});

test("a destroyed key reads as erased, everywhere, and is never made anew", async () => {
  const gone = person("gone");
  const sealed = await one.keyring.seal(gone, "Marie");
  await one.keyring.destroy(gone);
  await one.keyring.destroy(gone);
  expect(await one.keyring.open(sealed)).toBe(erased);
  await using third = await open();
  expect(await third.keyring.openMany([sealed, await third.keyring.seal(person("marie"), "kept")])).toEqual([erased, "kept"]);
  expect(await third.keyring.openBytes(sealed)).toBe(erased);
  await expect(third.keyring.seal(gone, "again")).rejects.toThrow(KeyDestroyed);
  const fresh = person("beside-gone");
  await expect(one.keyring.ensure([fresh, gone])).rejects.toMatchObject({ keyIds: [gone] });
  expect(await Promise.all([gone, fresh, person("never")].map(one.keyring.stateOf))).toEqual(["destroyed", "live", "missing"]);
});

test("nothing of a destroyed key is left in its bucket", async () => {
  const gone = person("shredded");
  await one.keyring.ensure([gone]);
  await one.keyring.destroy(gone);
  const { state } = await one.jsm.streams.info("KV_outrider-keys", { subjects_filter: `$KV.outrider-keys.${gone}` });
  expect(state.subjects).toEqual({ [`$KV.outrider-keys.${gone}`]: 1 });
});

test("a process forgets a key that another one destroyed", async () => {
  const bucket = await openBucket(two.jsm, "outrider-keys", { replicas: 1, history: 2, direct: true });
  const store = new KeyStore(two.js, two.jsm, bucket, () => pipelinedPublisher(two.nats));
  const brief = createKeyring({ store, master: masterKey(masterBytes), cachedMs: 1 });
  const sealed = await brief.seal(person("shared"), "Marie");
  await one.keyring.destroy(person("shared"));
  await expect.poll(() => brief.open(sealed), { timeout: 5_000 }).toBe(erased);
});

test("a key that never was and another master key are errors that say so", async () => {
  const sealed = await one.keyring.seal(person("marie"), "Marie");
  await expect(one.keyring.open({ k: person("never"), v: sealed.v })).rejects.toThrow(KeyMissing);
  // A service with another master key does not even start; a tool that is given one does.
  const bucket = await openBucket(one.jsm, buckets.keys, { replicas: 1, history: 2, direct: true });
  const store = new KeyStore(one.js, one.jsm, bucket, () => pipelinedPublisher(one.nats));
  const stranger = createKeyring({ store, master: masterKey(Buffer.alloc(32, 1)) });
  await expect(stranger.open(sealed)).rejects.toThrow(
    "the key person.acme.marie was wrapped by another master key than the one in OUTRIDER_MASTER_KEY",
  );
  await expect(one.keyring.seal("person.*.marie", "x")).rejects.toThrow("cannot be the id of a key");
});

test("a fingerprint tells equal texts in every process, and needs the master key", async () => {
  const print = one.keyring.fingerprint("+33639980001");
  expect(print).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(two.keyring.fingerprint("+33639980001")).toBe(print);
  expect(one.keyring.fingerprint("+33639980002")).not.toBe(print);
  const bucket = await openBucket(one.jsm, buckets.keys, { replicas: 1, history: 2, direct: true });
  const store = new KeyStore(one.js, one.jsm, bucket, () => pipelinedPublisher(one.nats));
  expect(createKeyring({ store, master: masterKey(Buffer.alloc(32, 1)) }).fingerprint("+33639980001")).not.toBe(print);
});

test("a symmetric sealer opens only what is for its label", () => {
  const sealer = symmetricSealer(masterText, "smsmobileapi");
  const sealed = sealer.seal("api key");
  expect(sealed.k).toBe("smsmobileapi");
  expect(sealer.open(sealed)).toBe("api key");
  expect(() => symmetricSealer(masterText, "other").open(sealed)).toThrow(CannotOpen);
  expect(() => symmetricSealer(Buffer.alloc(32), "smsmobileapi").open(sealed)).toThrow(CannotOpen);
  expect(() => symmetricSealer("short", "x")).toThrow("must have 32 bytes");
});
