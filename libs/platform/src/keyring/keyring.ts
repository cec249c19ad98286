import { createHmac } from "node:crypto";
import type { Sealed } from "@outrider/contracts/define";
import { openValue, sealValue } from "./cipher.ts";
import { KeyMissing, Keys, type KeysOptions } from "./keys.ts";

/** How a personal value reads when its key has been destroyed. */
export const erased = "erased";
export type Erased = typeof erased;

/** Keys by id, and what is sealed with them. Key ids: `keyIds`. */
export interface Keyring {
  /**
   * Makes the keys that do not exist yet. Throws `KeyDestroyed` naming all that are destroyed, after the others were made. `likelyNew`: whether they
   * exist is asked only where one cannot be made.
   */
  readonly ensure: (ids: readonly string[], options?: { readonly likelyNew?: boolean }) => Promise<void>;
  readonly seal: (keyId: string, plain: string | Uint8Array) => Promise<Sealed>;
  /** In the order given; the missing keys are made together. */
  readonly sealMany: (items: readonly { readonly keyId: string; readonly plain: string | Uint8Array }[]) => Promise<Sealed[]>;
  readonly open: (sealed: Sealed) => Promise<string | Erased>;
  readonly openBytes: (sealed: Sealed) => Promise<Uint8Array | Erased>;
  /** In the order given; the keys are fetched together. */
  readonly openMany: (sealed: readonly Sealed[]) => Promise<(string | Erased)[]>;
  /** Irrevocable. Repeating it changes nothing. Other processes forget the key within a minute. */
  readonly destroy: (keyId: string) => Promise<void>;
  /** 22 letters (132 bits) by which equal texts can be told, for ever, and nothing of the text by anybody without the master key. */
  readonly fingerprint: (text: string) => string;
  /** `missing` as the leader knows it. */
  readonly stateOf: (keyId: string) => Promise<"live" | "destroyed" | "missing">;
}

export const createKeyring = (options: KeysOptions): Keyring => {
  const keys = new Keys(options);
  const fingerprints = createHmac("sha256", options.master.key).update("fingerprints").digest();
  const openBytes = async ({ k, v }: Sealed): Promise<Buffer | Erased> => {
    const key = await keys.find(k);
    if (key === undefined) throw new KeyMissing(k);
    return key.kind === "destroyed" ? erased : openValue(key.key, k, v);
  };
  const open = async (sealed: Sealed): Promise<string> => {
    const plain = await openBytes(sealed);
    return typeof plain === "string" ? plain : plain.toString("utf8");
  };
  return {
    ensure: async (ids, { likelyNew } = {}) => {
      await keys.ensureLive(ids, likelyNew);
    },
    seal: async (keyId, plain) => {
      const live = keys.liveNow(keyId) ?? (await keys.ensureLive([keyId]))(keyId);
      return { k: keyId, v: sealValue(live, keyId, plain) };
    },
    sealMany: async (items) => {
      const keyOf = await keys.ensureLive(items.map(({ keyId }) => keyId));
      return items.map(({ keyId, plain }) => ({ k: keyId, v: sealValue(keyOf(keyId), keyId, plain) }));
    },
    open,
    openBytes,
    openMany: (sealed) => Promise.all(sealed.map(open)),
    fingerprint: (text) => createHmac("sha256", fingerprints).update(text).digest("base64url").slice(0, 22),
    destroy: (keyId) => keys.destroy(keyId),
    stateOf: (keyId) => keys.stateOf(keyId),
  };
};
