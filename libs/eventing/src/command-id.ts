import type { Revision } from "./store.ts";

/**
 * A command's id as one that somebody outside has chosen, and may choose again for something else: with a digest of what is asked, 22
 * characters of base64url. The aggregate that remembers the id with another digest throws `CommandReused`. Who asks takes care that the
 * digest gives nothing away: ids are stored in the open.
 */
export const withDigest = (id: string, digest: string): string => `${id}${mark}${digest}`;

/** The id as it was chosen: what is named after a command must not change with what is asked. */
export const withoutDigest = (id: string): string => (hasDigest(id) ? id.slice(0, -suffixLength) : id);

/** Command ids of the last `most` messages, oldest first, with their revisions. */
export class Commands {
  readonly #revisions: Map<string, Revision>;
  /** Of those with a digest, by what was chosen. Most aggregates have none. */
  #digested: Map<string, string> | undefined;

  constructor(revisions: Iterable<readonly [string, Revision]> = []) {
    this.#revisions = new Map();
    for (const [id, revision] of revisions) this.set(id, revision);
  }

  set(id: string, revision: Revision): void {
    this.#revisions.set(id, revision);
    if (hasDigest(id)) {
      this.#digested ??= new Map();
      this.#digested.set(withoutDigest(id), id);
    }
  }

  /** The same, and forgets the oldest one when there are more than `most`. */
  remember(id: string, revision: Revision, most: number): void {
    this.set(copied(id), revision);
    if (this.#revisions.size <= most) return;
    const oldest = this.#revisions.keys().next();
    if (oldest.done) return;
    this.#revisions.delete(oldest.value);
    const chosen = withoutDigest(oldest.value);
    if (this.#digested?.get(chosen) === oldest.value) this.#digested.delete(chosen);
  }

  clear(): void {
    this.#revisions.clear();
    this.#digested = undefined;
  }

  entries(): Iterable<readonly [string, Revision]> {
    return this.#revisions;
  }

  /**
   * Where a command was carried out before; undefined: it was not; `reused`: its id stands for something else here. Of two ids of which only
   * one has a digest, an earlier release wrote the other: they are the same when the same was chosen.
   */
  carriedOutAt(id: string): Revision | "reused" | undefined {
    const known = this.#revisions.get(id);
    if (known !== undefined) return known;
    const chosen = withoutDigest(id);
    const digested = this.#digested?.get(chosen);
    if (chosen === id) return digested === undefined ? undefined : this.#revisions.get(digested);
    return digested === undefined ? this.#revisions.get(chosen) : "reused";
  }
}

const mark = "~";
const suffixLength = 23;
const suffix = /^~[A-Za-z0-9_-]{22}$/;

const hasDigest = (id: string): boolean => id.at(-suffixLength) === mark && suffix.test(id.slice(-suffixLength));

/** What was cut out of a message's headers would keep all of them in memory for as long as it is remembered. */
export const copied = (text: string): string => Buffer.from(text).toString();
