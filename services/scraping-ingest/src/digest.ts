import { createHmac, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import type { AccountId } from "@outrider/contracts/ids";
import { sealedParts } from "./ad.ts";
import type { FoundAd } from "./providers/ad-source.ts";

/** Tells whether a row says something new, without keeping what it says. */
export type DigestOf = (ad: FoundAd) => string;

/**
 * HMAC-SHA256 under a secret of the account's own, derived from the master key: the same row gives the same digest for ever, and nobody
 * without the key can try out numbers. The visible fields first, then one short part per personal field, in the order of `sealedParts`.
 */
export const digestsOf = (master: Uint8Array | KeyObject): ((account: AccountId) => DigestOf) => {
  return (account) => {
    const key = createSecretKey(Buffer.from(hkdfSync("sha256", master, account, "outrider ad digest", 32)));
    return (ad) => {
      const parts = sealedParts.map((field) => {
        const value = ad[field];
        return value === undefined ? "" : mac(key, `${field}\u0000${value}`).slice(0, 11);
      });
      return [mac(key, visible(ad)), ...parts].join(".");
    };
  };
};

const mac = (key: KeyObject, text: string): string => createHmac("sha256", key).update(text).digest("base64url").slice(0, 22);

/** Order and separators are part of every stored digest: a change makes every ad look changed once. */
const visible = (ad: FoundAd): string =>
  [
    ad.title,
    ad.ownerType,
    ad.noCanvassing ? 1 : 0,
    ad.make,
    ad.model,
    ad.price,
    ad.currency,
    ad.year,
    ad.mileage,
    ad.fuel,
    ad.gearbox,
    ad.vehicleType,
    ad.postalCode,
    ad.city,
    ad.url,
    ad.pictures?.join("\u0001"),
    ad.publishedAt,
  ].join("\u0000");
