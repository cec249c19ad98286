import type { KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sealed } from "@outrider/contracts/define";
import { Unavailable } from "@outrider/eventing";
import { LRUCache } from "lru-cache";
import { cipherKey, type MasterKey, newKeyBytes, openValue, sealValue, unwrapKey, wrapKey } from "./cipher.ts";
import { isKeyId } from "./key-ids.ts";
import type { KeyStore } from "./key-store.ts";

/** How a personal value reads when its key has been destroyed. */
export const erased = "erased";
export type Erased = typeof erased;

/** Nothing can be sealed under these keys any more, by anybody, ever. */
export class KeyDestroyed extends Error {
  override readonly name = "KeyDestroyed";
  readonly keyIds: readonly string[];

  constructor(keyIds: readonly string[]) {
    super(`destroyed for ever: ${keyIds.slice(0, 5).join(", ")}${keyIds.length > 5 ? ` and ${keyIds.length - 5} more` : ""}`);
    this.keyIds = keyIds;
  }
}

/** A value was sealed under a key that never was: data from elsewhere, or a lost bucket. */
export class KeyMissing extends Error {
  override readonly name = "KeyMissing";

  constructor(keyId: string) {
    super(`the key ${keyId} has never existed here, so what was sealed with it cannot be opened`);
  }
}

type Key = { readonly kind: "live"; readonly key: KeyObject } | { readonly kind: "destroyed" };

export interface KeyringOptions {
  readonly store: KeyStore;
  readonly master: MasterKey;
  readonly cached?: number;
  readonly cachedMs?: number;
}

/** Keys by id, and what is sealed with them. Key ids: `keyIds`. */
export interface Keyring {
  /** Makes the keys that do not exist yet. Throws `KeyDestroyed` naming all that are destroyed, after the others were made. */
  readonly ensure: (ids: readonly string[]) => Promise<void>;
  readonly seal: (keyId: string, plain: string | Uint8Array) => Promise<Sealed>;
  /** In the order given; the missing keys are made together. */
  readonly sealMany: (items: readonly { readonly keyId: string; readonly plain: string | Uint8Array }[]) => Promise<Sealed[]>;
  readonly open: (sealed: Sealed) => Promise<string | Erased>;
  readonly openBytes: (sealed: Sealed) => Promise<Uint8Array | Erased>;
  /** In the order given; the keys are fetched together. */
  readonly openMany: (sealed: readonly Sealed[]) => Promise<(string | Erased)[]>;
  /** Irrevocable. Repeating it changes nothing. Other processes forget the key within a minute. */
  readonly destroy: (keyId: string) => Promise<void>;
  /** `missing` as the leader knows it. */
  readonly stateOf: (keyId: string) => Promise<"live" | "destroyed" | "missing">;
}

export const createKeyring = ({ store, master, cached = 20_000, cachedMs = 60_000 }: KeyringOptions): Keyring => {
  const cache = new LRUCache<string, Key>({ max: cached, ttl: cachedMs, ttlResolution: 250 });
  const known = (id: string, stored: { readonly kind: "wrapped"; readonly bytes: Uint8Array } | { readonly kind: "destroyed" }): Key => {
    const key: Key = stored.kind === "destroyed" ? stored : { kind: "live", key: cipherKey(unwrapKey(master, id, stored.bytes), id) };
    cache.set(id, key);
    return key;
  };
  const fetch = gather((ids) => load(store, ids, known));
  const find = (id: string): Key | undefined | Promise<Key | undefined> => cache.get(id) ?? fetch(checked(id));

  const make = async (missing: readonly string[], keys: Map<string, Key>): Promise<void> => {
    const fresh = new Map(missing.map((id) => [id, newKeyBytes()]));
    const there = await store.createMany(new Map([...fresh].map(([id, bytes]) => [id, wrapKey(master, id, bytes)])));
    for (const id of there) fresh.delete(id);
    for (const [id, bytes] of fresh) {
      const key: Key = { kind: "live", key: cipherKey(bytes, id) };
      cache.set(id, key);
      keys.set(id, key);
    }
    for (const [id, key] of await load(store, there, known)) keys.set(id, key);
  };
  const ensureKeys = async (ids: Iterable<string>): Promise<Map<string, Key>> => {
    const keys = new Map<string, Key>();
    const unknown: string[] = [];
    for (const id of new Set(ids)) {
      const key = cache.get(id);
      if (key === undefined) unknown.push(checked(id));
      else keys.set(id, key);
    }
    for (const [id, stored] of await store.readMany(unknown)) keys.set(id, known(id, stored));
    // Refused and yet not there: another replica's is on its way into the bucket.
    for (let tries = 0; tries < 10; tries++) {
      const missing = unknown.filter((id) => !keys.has(id));
      if (missing.length === 0) return keys;
      if (tries > 0) await sleep(5 * 2 ** tries);
      await make(missing, keys);
    }
    if (unknown.every((id) => keys.has(id))) return keys;
    throw new Unavailable("a key that another replica is making did not appear in time");
  };
  const ensureLive = async (ids: Iterable<string>): Promise<(id: string) => KeyObject> => {
    const keys = await ensureKeys(ids);
    const destroyed = [...keys].filter(([, key]) => key.kind === "destroyed").map(([id]) => id);
    if (destroyed.length > 0) throw new KeyDestroyed(destroyed);
    return (id) => {
      const key = keys.get(id);
      if (key?.kind !== "live") throw new KeyMissing(id);
      return key.key;
    };
  };
  const openBytes = async ({ k, v }: Sealed): Promise<Buffer | Erased> => {
    const key = await find(k);
    if (key === undefined) throw new KeyMissing(k);
    return key.kind === "destroyed" ? erased : openValue(key.key, k, v);
  };
  const open = async (sealed: Sealed): Promise<string> => {
    const plain = await openBytes(sealed);
    return typeof plain === "string" ? plain : plain.toString("utf8");
  };
  return {
    ensure: async (ids) => {
      await ensureLive(ids);
    },
    seal: async (keyId, plain) => {
      const key = cache.get(keyId);
      const live = key?.kind === "live" ? key.key : (await ensureLive([keyId]))(keyId);
      return { k: keyId, v: sealValue(live, keyId, plain) };
    },
    sealMany: async (items) => {
      const keyOf = await ensureLive(items.map(({ keyId }) => keyId));
      return items.map(({ keyId, plain }) => ({ k: keyId, v: sealValue(keyOf(keyId), keyId, plain) }));
    },
    open,
    openBytes,
    openMany: (sealed) => Promise.all(sealed.map(open)),
    destroy: async (keyId) => {
      await store.destroy(checked(keyId));
      cache.set(keyId, { kind: "destroyed" });
    },
    stateOf: async (keyId) => {
      const stored = await store.read(checked(keyId));
      return stored === undefined ? "missing" : stored.kind === "wrapped" ? "live" : "destroyed";
    },
  };
};

const checked = (id: string): string => {
  if (!isKeyId(id)) throw new TypeError("this cannot be the id of a key");
  return id;
};

/** Many at once from wherever it is quickest, then those not found there one by one from the leader: a reader may lag. */
const load = async (
  store: KeyStore,
  ids: readonly string[],
  known: (id: string, stored: NonNullable<Awaited<ReturnType<KeyStore["read"]>>>) => Key,
): Promise<Map<string, Key>> => {
  const keys = new Map<string, Key>();
  for (const [id, stored] of await store.readMany(ids)) keys.set(id, known(id, stored));
  const missing = ids.filter((id) => !keys.has(id));
  await Promise.all(
    missing.map(async (id) => {
      const stored = await store.read(id);
      if (stored !== undefined) keys.set(id, known(id, stored));
    }),
  );
  return keys;
};

/** Joins what is asked for in one turn of the event loop into one request, each id once. */
const gather = (loadMany: (ids: readonly string[]) => Promise<Map<string, Key>>): ((id: string) => Promise<Key | undefined>) => {
  let waiting: { readonly ids: Set<string>; readonly keys: Promise<Map<string, Key>> } | undefined;
  return async (id) => {
    if (waiting === undefined) {
      const ids = new Set<string>();
      const keys = new Promise<void>((turn) => setImmediate(turn)).then(() => {
        waiting = undefined;
        return loadMany([...ids]);
      });
      waiting = { ids, keys };
    }
    waiting.ids.add(id);
    return (await waiting.keys).get(id);
  };
};
