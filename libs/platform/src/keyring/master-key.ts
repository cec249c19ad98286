import { createHash } from "node:crypto";
import type { CommonConfig } from "../config.ts";
import { type MasterKey, masterKey } from "./cipher.ts";

export interface ConfiguredMasterKey {
  readonly master: MasterKey;
  /** The fixed key of the sandbox, which protects nothing. */
  readonly development: boolean;
}

/** `loadConfig` has made sure that live mode never gets the development key. */
export const masterKeyOf = (config: Pick<CommonConfig, "OUTRIDER_MASTER_KEY" | "OUTRIDER_PROVIDERS">): ConfiguredMasterKey => {
  if (config.OUTRIDER_MASTER_KEY !== undefined)
    return { master: masterKey(Buffer.from(config.OUTRIDER_MASTER_KEY, "base64")), development: false };
  if (config.OUTRIDER_PROVIDERS === "live") throw new TypeError("live mode needs OUTRIDER_MASTER_KEY");
  const known = createHash("sha256").update("outrider development key, for the sandbox only").digest();
  return { master: masterKey(known), development: true };
};
