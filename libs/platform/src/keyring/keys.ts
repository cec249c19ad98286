import type { KeyObject } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Unavailable } from "@outrider/eventing";
import { LRUCache } from "lru-cache";
import { cipherKey, type MasterKey, newKeyBytes, unwrapKey, wrapKey } from "./cipher.ts";
import { isKeyId } from "./key-ids.ts";
import type { KeyStore, StoredKey } from "./key-store.ts";

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

export type Key = { readonly kind: "live"; readonly key: KeyObject } | { readonly kind: "destroyed" };

export interface KeysOptions {
  readonly store: KeyStore;
  readonly master: MasterKey;
  readonly cached?: number;
  readonly cachedMs?: number;
}

const makeTries = 10;

/** The keys of the store as this process knows them: unwrapped, kept for a minute, made when they are missing. */
export class Keys {
  readonly #store: KeyStore;
  readonly #master: MasterKey;
  readonly #cache: LRUCache<string, Key>;
  readonly #fetch: (id: string) => Promise<Key | undefined>;

  constructor({ store, master, cached = 2_000, cachedMs = 60_000 }: KeysOptions) {
    this.#store = store;
    this.#master = master;
    this.#cache = new LRUCache<string, Key>({ max: cached, ttl: cachedMs, ttlResolution: 250 });
    this.#fetch = gather((ids) => load(store, ids, this.#known));
  }

  /** Undefined when it has never existed. At once when it is in memory: that is most of the time, and a promise costs more than the cipher. */
  find(id: string): Key | undefined | Promise<Key | undefined> {
    return this.#cache.get(id) ?? this.#fetch(checked(id));
  }

  /** The key, if it is in memory and alive. */
  liveNow(id: string): KeyObject | undefined {
    const key = this.#cache.get(id);
    return key?.kind === "live" ? key.key : undefined;
  }

  /**
   * Makes those that do not exist yet. Throws `KeyDestroyed` naming all that are destroyed, after the others were made. Those that are `likelyNew`
   * are looked for only when they cannot be made.
   */
  async ensureLive(ids: Iterable<string>, likelyNew = false): Promise<(id: string) => KeyObject> {
    const keys = await this.#ensure(ids, likelyNew);
    const destroyed = [...keys].filter(([, key]) => key.kind === "destroyed").map(([id]) => id);
    if (destroyed.length > 0) throw new KeyDestroyed(destroyed);
    return (id) => {
      const key = keys.get(id);
      if (key?.kind !== "live") throw new KeyMissing(id);
      return key.key;
    };
  }

  async destroy(id: string): Promise<void> {
    await this.#store.destroy(checked(id));
    this.#cache.set(id, { kind: "destroyed" });
  }

  /** As the leader knows it. */
  async stateOf(id: string): Promise<"live" | "destroyed" | "missing"> {
    const stored = await this.#store.read(checked(id));
    return stored === undefined ? "missing" : stored.kind === "wrapped" ? "live" : "destroyed";
  }

  readonly #known = (id: string, stored: StoredKey): Key => {
    const key: Key = stored.kind === "destroyed" ? stored : { kind: "live", key: cipherKey(unwrapKey(this.#master, id, stored.bytes), id) };
    this.#cache.set(id, key);
    return key;
  };

  async #ensure(ids: Iterable<string>, likelyNew: boolean): Promise<Map<string, Key>> {
    const keys = new Map<string, Key>();
    const unknown: string[] = [];
    for (const id of new Set(ids)) {
      const key = this.#cache.get(id);
      if (key === undefined) unknown.push(checked(id));
      else keys.set(id, key);
    }
    for (const [id, stored] of likelyNew ? [] : await this.#store.readMany(unknown)) keys.set(id, this.#known(id, stored));
    // Refused and yet not there: another replica's is on its way into the bucket.
    for (let tries = 0; tries < makeTries; tries++) {
      const missing = unknown.filter((id) => !keys.has(id));
      if (missing.length === 0) return keys;
      if (tries > 0) await sleep(5 * 2 ** tries);
      await this.#make(missing, keys);
    }
    if (unknown.every((id) => keys.has(id))) return keys;
    throw new Unavailable("a key that another replica is making did not appear in time");
  }

  async #make(missing: readonly string[], keys: Map<string, Key>): Promise<void> {
    const fresh = new Map(missing.map((id) => [id, newKeyBytes()]));
    const there = await this.#store.createMany(new Map([...fresh].map(([id, bytes]) => [id, wrapKey(this.#master, id, bytes)])));
    for (const id of there) fresh.delete(id);
    for (const [id, bytes] of fresh) {
      const key: Key = { kind: "live", key: cipherKey(bytes, id) };
      this.#cache.set(id, key);
      keys.set(id, key);
    }
    for (const [id, key] of await load(this.#store, there, this.#known)) keys.set(id, key);
  }
}

const checked = (id: string): string => {
  if (!isKeyId(id)) throw new TypeError("this cannot be the id of a key");
  return id;
};

/** Many at once from wherever it is quickest, then those not found there one by one from the leader: a reader may lag. */
const load = async (store: KeyStore, ids: readonly string[], known: (id: string, stored: StoredKey) => Key): Promise<Map<string, Key>> => {
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
