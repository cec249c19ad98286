import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { randomBytesOf } from "../ids.ts";

const sealedVersion = 1;
const wrappedVersion = 1;
const algorithm = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;
const printBytes = 8;
export const keyBytes = 32;

/** iv | ciphertext | tag, bound to `label`. */
const encrypt = (key: Uint8Array, label: string, plain: Uint8Array): Buffer => {
  const iv = randomBytesOf(ivBytes);
  const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(label));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
};

/** Throws when the bytes were changed, or sealed by another key or under another label. */
const decrypt = (key: Uint8Array, label: string, bytes: Uint8Array): Buffer => {
  const end = bytes.length - tagBytes;
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(label));
  decipher.setAuthTag(bytes.subarray(end));
  return Buffer.concat([decipher.update(bytes.subarray(ivBytes, end)), decipher.final()]);
};

export class CannotOpen extends Error {
  override readonly name = "CannotOpen";
}

/** `v` of a `Sealed`: base64url of version | iv | ciphertext | tag. Text is sealed as UTF-8. */
export const sealValue = (key: Uint8Array, keyId: string, plain: string | Uint8Array): string => {
  const bytes = typeof plain === "string" ? Buffer.from(plain) : plain;
  return Buffer.concat([Buffer.of(sealedVersion), encrypt(key, keyId, bytes)]).toString("base64url");
};

export const openValue = (key: Uint8Array, keyId: string, value: string): Buffer => {
  const bytes = Buffer.from(value, "base64url");
  if (bytes[0] !== sealedVersion || bytes.length < 1 + ivBytes + tagBytes) {
    throw new CannotOpen(`a value sealed under ${keyId} is not in a form that this release knows`);
  }
  try {
    return decrypt(key, keyId, bytes.subarray(1));
  } catch {
    // The cipher's own error says nothing more.
    throw new CannotOpen(`a value cannot be opened with the key ${keyId}: it was changed, or sealed with another key`);
  }
};

/** What tells one master key from another without telling anything of it. */
const fingerprint = (master: Uint8Array): Buffer =>
  createHash("sha256").update("outrider master key").update(master).digest().subarray(0, printBytes);

/** A data key as the bucket stores it: version | the master key's fingerprint | iv | wrapped key | tag. */
export const wrapKey = (master: Uint8Array, keyId: string, key: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(wrappedVersion), fingerprint(master), encrypt(master, keyId, key)]);

export const unwrapKey = (master: Uint8Array, keyId: string, stored: Uint8Array): Buffer => {
  if (stored[0] !== wrappedVersion) throw new CannotOpen(`the key ${keyId} is stored in a form that this release does not know`);
  if (!fingerprint(master).equals(stored.subarray(1, 1 + printBytes))) {
    throw new CannotOpen(`the key ${keyId} was wrapped by another master key than the one in OUTRIDER_MASTER_KEY`);
  }
  try {
    return decrypt(master, keyId, stored.subarray(1 + printBytes));
  } catch {
    throw new CannotOpen(`the stored key ${keyId} was changed and cannot be unwrapped`);
  }
};
