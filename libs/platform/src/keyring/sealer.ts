import type { Sealed } from "@outrider/contracts/define";
import { CannotOpen, cipherKey, openValue, sealValue } from "./cipher.ts";

/** Seals with one key that both ends are given, such as provider credentials for the one service that opens them. */
export interface SymmetricSealer {
  readonly seal: (plain: string | Uint8Array) => Sealed;
  /** Throws `CannotOpen` for a value of another label, another key, or that was changed. */
  readonly open: (sealed: Sealed) => string;
  readonly openBytes: (sealed: Sealed) => Uint8Array;
}

/** `key`: 32 bytes, or their base64 as a configuration variable holds it. `label` becomes the `k` of what is sealed. */
export const symmetricSealer = (key: Uint8Array | string, label: string): SymmetricSealer => {
  const sealing = cipherKey(typeof key === "string" ? Buffer.from(key, "base64") : key, label);
  const openBytes = ({ k, v }: Sealed): Buffer => {
    if (k !== label) throw new CannotOpen(`a value sealed under ${k} is not for ${label} to open`);
    return openValue(sealing, label, v);
  };
  return {
    seal: (plain) => ({ k: label, v: sealValue(sealing, label, plain) }),
    open: (sealed) => openBytes(sealed).toString("utf8"),
    openBytes,
  };
};
