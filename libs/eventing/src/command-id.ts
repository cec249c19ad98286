import { CommandReused } from "./errors.ts";
import type { Revision } from "./store.ts";

/**
 * A command's id as one that somebody outside has chosen, and may choose again for something else: with a digest of what is asked, 22
 * characters of base64url. The aggregate that remembers the id with another digest throws `CommandReused`. Who asks takes care that the
 * digest gives nothing away: ids are stored in the open.
 */
export const withDigest = (id: string, digest: string): string => `${id}${mark}${digest}`;

/** The id as it was chosen: what is named after a command must not change with what is asked. */
export const withoutDigest = (id: string): string => (hasDigest(id) ? id.slice(0, -suffixLength) : id);

/**
 * Where a command was carried out before, among those that an aggregate remembers; undefined: it was not. Throws `CommandReused` when its id
 * stands for something else there. Ids without a digest, as others write them, are compared as they are.
 */
export const carriedOutAt = (commands: ReadonlyMap<string, Revision>, id: string): Revision | undefined => {
  const known = commands.get(id);
  if (known !== undefined || !hasDigest(id)) return known;
  const chosen = id.slice(0, -suffixLength);
  for (const other of commands.keys()) if (hasDigest(other) && withoutDigest(other) === chosen) throw new CommandReused();
  return commands.get(chosen); // by a release that knew no digests
};

const mark = "~";
const suffixLength = 23;
const suffix = /^~[A-Za-z0-9_-]{22}$/;

const hasDigest = (id: string): boolean => id.at(-suffixLength) === mark && suffix.test(id.slice(-suffixLength));
