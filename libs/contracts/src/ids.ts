import { createHash } from "node:crypto";
import { z } from "zod";

/**
 * Every id is a token that is safe inside a NATS subject and is never personal data. The brand is given where an id enters, by the same
 * check that keeps the subject whole.
 */
const token = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "use 1 to 64 of the letters A-Z, a-z, digits, '_' and '-'");

export const accountId = token.brand<"AccountId">();
export const personId = token.brand<"PersonId">();
export const adId = token.brand<"AdId">();
export const importId = token.brand<"ImportId">();
export const huntId = token.brand<"HuntId">();
export const runId = token.brand<"RunId">();
export const contactId = token.brand<"ContactId">();
export const lineId = token.brand<"LineId">();
export const inboundId = token.brand<"InboundId">();

export type AccountId = z.output<typeof accountId>;
export type PersonId = z.output<typeof personId>;
export type AdId = z.output<typeof adId>;
export type ImportId = z.output<typeof importId>;
export type HuntId = z.output<typeof huntId>;
export type RunId = z.output<typeof runId>;
export type ContactId = z.output<typeof contactId>;
export type LineId = z.output<typeof lineId>;
export type InboundId = z.output<typeof inboundId>;

/** The reserved account whose pause stops everything. */
export const systemAccount = accountId.parse("system");

/** 22 characters (132 bits) of SHA-256 over the parts: the same parts always give the same id, and no part can be read from it. */
export const hashId = (...parts: readonly (string | number)[]): string =>
  createHash("sha256").update(parts.join("\u0000")).digest("base64url").slice(0, 22);

/** One owner is asked once per hunt and step, however many ads and channels: contact = hash(account, hunt, person, step). */
export const contactIdOf = (account: AccountId, hunt: HuntId, person: PersonId, step: number): ContactId =>
  contactId.parse(hashId("contact", account, hunt, person, step));

/** One ad per account and natural key of its source. */
export const adIdOf = (account: AccountId, source: string, sourceId: string): AdId => adId.parse(hashId("ad", account, source, sourceId));

/** New things asked for over the API take their id from the caller's idempotency key, so that a repeat finds the first. */
export const idFromKey = (kind: string, account: AccountId, key: string): string => hashId(kind, account, key);

/** The account's run of one local day, `2026-11-21`. */
export const runIdOf = (date: string): RunId => runId.parse(date);

const partitions = 64;
const known = new Map<string, string>();

/** FNV-1a of the account, mod 64, two digits: part of every subject, so that streams can be split later without renaming anything. */
export const partitionOf = (account: string): string => {
  const cached = known.get(account);
  if (cached !== undefined) return cached;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(account)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const partition = String(hash % partitions).padStart(2, "0");
  if (known.size > 10_000) known.clear();
  known.set(account, partition);
  return partition;
};
