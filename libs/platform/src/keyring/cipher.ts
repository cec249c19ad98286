import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject } from "node:crypto";
import { randomBytesOf } from "@outrider/eventing";

const sealedVersion = 1;
const wrappedVersion = 1;
const algorithm = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;
const printBytes = 8;
const keyBytes = 32;

/** A key in the form that ciphers take ten times quicker than bytes. Throws a TypeError when there are not 32 of them. */
export const cipherKey = (bytes: Uint8Array, what: string): KeyObject => {
  if (bytes.length !== keyBytes) throw new TypeError(`the key of ${what} must have ${keyBytes} bytes`);
  return createSecretKey(bytes);
};

/** A new data key. */
export const newKeyBytes = (): Buffer => randomBytesOf(keyBytes);

/** iv | ciphertext | tag, bound to `label`. */
const encrypt = (key: KeyObject, label: string, plain: Uint8Array): Buffer => {
  const iv = randomBytesOf(ivBytes);
  const cipher = createCipheriv(algorithm, key, iv);
  cipher.setAAD(Buffer.from(label));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
};

/** Throws when the bytes were changed, or sealed by another key or under another label. */
const decrypt = (key: KeyObject, label: string, bytes: Uint8Array): Buffer => {
  const end = bytes.length - tagBytes;
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes));
  decipher.setAAD(Buffer.from(label));
  decipher.setAuthTag(bytes.subarray(end));
  return Buffer.concat([decipher.update(bytes.subarray(ivBytes, end)), decipher.final()]);
};

export class CannotOpen extends Error {
  override readonly name = "CannotOpen";
}

/** `v` of a `Sealed`: base64url of version | iv | ciphertext | tag. Text is sealed as UTF-8. */
export const sealValue = (key: KeyObject, keyId: string, plain: string | Uint8Array): string => {
  const bytes = typeof plain === "string" ? Buffer.from(plain) : plain;
  return Buffer.concat([Buffer.of(sealedVersion), encrypt(key, keyId, bytes)]).toString("base64url");
};

export const openValue = (key: KeyObject, keyId: string, value: string): Buffer => {
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

/** The key that wraps all others. */
export interface MasterKey {
  readonly key: KeyObject;
  /** Tells one master key from another without telling anything of it. */
  readonly fingerprint: Buffer;
}

export const masterKey = (bytes: Uint8Array): MasterKey => ({
  key: cipherKey(bytes, "the keyring"),
  fingerprint: createHash("sha256").update("outrider master key").update(bytes).digest().subarray(0, printBytes),
});

/** A data key as the bucket stores it: version | the master key's fingerprint | iv | wrapped key | tag. */
export const wrapKey = (master: MasterKey, keyId: string, key: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(wrappedVersion), master.fingerprint, encrypt(master.key, keyId, key)]);

export const unwrapKey = (master: MasterKey, keyId: string, stored: Uint8Array): Buffer => {
  if (stored[0] !== wrappedVersion) throw new CannotOpen(`the key ${keyId} is stored in a form that this release does not know`);
  if (!master.fingerprint.equals(stored.subarray(1, 1 + printBytes))) {
    throw new CannotOpen(`the key ${keyId} was wrapped by another master key than the one in OUTRIDER_MASTER_KEY`);
  }
  try {
    return decrypt(master.key, keyId, stored.subarray(1 + printBytes));
  } catch {
    throw new CannotOpen(`the stored key ${keyId} was changed and cannot be unwrapped`);
  }
};
