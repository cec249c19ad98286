import type { badRow, ImportCounts, ImportEvent } from "@outrider/contracts/ads";
import { type AccountId, adIdOf, type ImportId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { type Aggregate, type Cause, type Kernel, Unavailable } from "@outrider/eventing";
import { type Keyring, keyIds, Refusal } from "@outrider/platform";
import type { z } from "zod";
import { badRows, type IngestConfig, limits, names } from "./config.ts";
import type { DigestOf } from "./digest.ts";
import { fictionNumber } from "./fiction.ts";
import type { ImportCommand, ImportRefusal, ImportState } from "./import.ts";
import type { Lander } from "./landing.ts";
import type { OwnersOf } from "./owners.ts";
import { type AdSource, type SourceRow, Unreadable } from "./providers/ad-source.ts";
import { SeenAds } from "./seen.ts";
import type { Landed, Landing, Sighting } from "./sighting.ts";

export type Imports = Aggregate<ImportState, ImportCommand, ImportEvent, ImportRefusal>;

/** What reading a file needs of the running service. */
export interface IngestParts {
  readonly kernel: Kernel;
  readonly imports: Imports;
  readonly lander: Lander;
  readonly sources: Readonly<Record<string, AdSource>>;
  readonly owners: OwnersOf;
  readonly digests: (account: AccountId) => DigestOf;
  readonly keyring: Pick<Keyring, "sealMany">;
  readonly clock: { readonly now: () => string };
  readonly config: Pick<IngestConfig, "INGEST_PAGE_ROWS" | "INGEST_CHECKPOINT_ROWS">;
}

/** The message that started the import: what all of its effects are traced to. */
export interface Started {
  readonly account: AccountId;
  readonly import: ImportId;
  readonly cause: Pick<Cause, "correlation" | "causation" | "traceparent">;
}

type Running = Extract<ImportState, { status: "running" }>;
type BadRow = z.output<typeof badRow>;

/** Reads a started import to its end, from its last checkpoint on; when it has ended, lets go of what was uploaded. Safe to repeat. */
export const drive = async (parts: IngestParts, started: Started): Promise<void> => {
  const subject = subjects.import(started.account, started.import);
  for (;;) {
    const { state } = await parts.imports.fold(subject);
    const source = state.status === "unknown" ? undefined : parts.sources[state.order.source];
    if (state.status === "running") {
      if (source === undefined) await end(parts, started, { kind: "fail", reason: "There is no such source." });
      else await new Reading(parts, started, state, source).run();
    } else return source?.release(started);
  }
};

const end = async ({ imports, clock }: IngestParts, { account, import: id, cause }: Started, command: ImportCommand): Promise<boolean> => {
  const from = "from" in command ? `:${command.from}` : "";
  const asked = { ...cause, commandId: `${id}:${command.kind}${from}`, at: clock.now(), actor: names.actor };
  return (await imports.execute(subjects.import(account, id), command, asked)).kind !== "refused";
};

/** One reading of a file, from the first byte to wherever it gets. */
class Reading {
  readonly #parts: IngestParts;
  readonly #started: Started;
  readonly #state: Running;
  readonly #source: AdSource;
  readonly #landing: Landing;
  readonly #digest: DigestOf;
  readonly #seen = new SeenAds();
  readonly #sources = new Set<string>();
  #counts: ImportCounts;
  /** Where the last checkpoint stands, and where the next one would. */
  #saved: number;
  #next: number;
  #nextLine = 0;
  #bad: BadRow[] = [];
  #badKept = 0;

  constructor(parts: IngestParts, started: Started, state: Running, source: AdSource) {
    this.#parts = parts;
    this.#started = started;
    this.#state = state;
    this.#source = source;
    this.#counts = { ...state.counts };
    this.#saved = state.nextRow;
    this.#next = state.nextRow;
    this.#digest = parts.digests(started.account);
    const { account, import: id, cause } = started;
    this.#landing = { account, import: id, seenAt: state.startedAt, cause: { ...cause, actor: names.actor } };
  }

  /** Ends when the import has, or when another replica has gone further. */
  async run(): Promise<void> {
    try {
      if (!(await this.#read())) return;
      const { import: id } = this.#started;
      const sources = [...this.#sources].slice(0, limits.sourcesNamed);
      await end(this.#parts, this.#started, { kind: "finish", import: id, from: this.#saved, counts: this.#counts, sources });
    } catch (error) {
      const reason = error instanceof Unreadable ? error.message : error instanceof Refusal ? reasonOf(error) : undefined;
      if (reason === undefined) throw error;
      await end(this.#parts, this.#started, { kind: "fail", reason });
    }
  }

  /** While one page is being written, the next one is being prepared. False: another replica has gone further. */
  async #read(): Promise<boolean> {
    let before: Promise<boolean> = Promise.resolve(true);
    try {
      for await (const page of pagesOf(this.#source.rows(this.#started), this.#parts.config.INGEST_PAGE_ROWS)) {
        const sightings = await this.#prepare(page);
        if (!(await before)) return false;
        if (this.#parts.kernel.stopping.aborted) {
          await this.#save();
          throw new Unavailable("stopping");
        }
        before = this.#settle(page, sightings);
        before.catch(() => undefined); // heard of when it is awaited
      }
    } catch (error) {
      // What came before the place that cannot be read has been imported, and is counted.
      if (error instanceof Unreadable && (await before)) await this.#save();
      throw error;
    }
    return (await before) && this.#save();
  }

  /** Ads of the page that are new to this reading and behind the checkpoint, with their owners. */
  async #prepare(page: readonly SourceRow[]): Promise<readonly Sighting[]> {
    const { account } = this.#started;
    const fresh: Omit<Sighting, "owner">[] = [];
    for (const row of page) {
      if (row.kind === "bad") continue;
      const { source, sourceId } = row.ad;
      if (this.#sources.size < limits.sourcesNamed) this.#sources.add(source);
      const ad = adIdOf(account, source, sourceId);
      if (!this.#seen.add(ad) || row.row < this.#state.nextRow) continue;
      const assigned = row.ad.phone === undefined && this.#state.order.fictionNumbers;
      fresh.push({ row: row.row, ad, found: row.ad, digest: this.#digest(row.ad), assigned });
    }
    if (fresh.length === 0) return [];
    const shown = fresh.map(({ row, found, assigned }) =>
      assigned
        ? { number: fictionNumber(row) }
        : found.phone === undefined
          ? undefined
          : { number: found.phone, postalCode: found.postalCode },
    );
    const owners = await this.#parts.owners(account, shown, this.#started.cause);
    const unusable = owners.filter((owner, at) => owner === undefined && shown[at] !== undefined).length;
    if (unusable > 0) this.#parts.kernel.instruments.count("outrider_ads_without_usable_number_total", {}, unusable);
    return fresh.map((sighting, at) => ({ ...sighting, owner: owners[at] }));
  }

  async #settle(page: readonly SourceRow[], sightings: readonly Sighting[]): Promise<boolean> {
    const rows = page.filter(({ row }) => row >= this.#state.nextRow);
    const last = rows.at(-1);
    if (last === undefined) return true;
    const bad = rows.filter((row) => row.kind === "bad");
    const [landed, kept] = await Promise.all([
      sightings.length === 0 ? [] : this.#parts.lander.land(sightings, this.#landing),
      this.#setAside(bad),
    ]);
    const count = (what: Landed): number => landed.filter((each) => each === what).length;
    const repeated = rows.length - bad.length - sightings.length;
    const { counts } = this;
    this.#counts = {
      read: counts.read + rows.length,
      new: counts.new + count("new"),
      changed: counts.changed + count("changed"),
      duplicate: counts.duplicate + count("duplicate") + repeated,
      bad: counts.bad + bad.length,
    };
    this.#next = last.row + 1;
    this.#nextLine = last.line + 1;
    this.#bad.push(...kept);
    const due = this.#next - this.#saved >= this.#parts.config.INGEST_CHECKPOINT_ROWS || this.#bad.length >= badRows.perCheckpoint;
    return due ? this.#save() : true;
  }

  get counts(): ImportCounts {
    return this.#counts;
  }

  async #setAside(rows: readonly Extract<SourceRow, { kind: "bad" }>[]): Promise<BadRow[]> {
    const keyId = keyIds.account(this.#started.account);
    const kept = rows.map(({ raw }) => {
      if (this.#badKept + raw.length > badRows.keptCharacters) return false;
      this.#badKept += raw.length;
      return true;
    });
    const values = rows.filter((_, at) => kept[at]).map(({ raw }) => ({ keyId, plain: raw }));
    const sealed = (values.length === 0 ? [] : await this.#parts.keyring.sealMany(values)).values();
    return rows.map(({ line, reason }, at) => {
      const row = kept[at] ? sealed.next().value : undefined;
      return { line, reason, ...(row === undefined ? {} : { row }) };
    });
  }

  /** Writes down how far we are. False: another replica has gone further. */
  async #save(): Promise<boolean> {
    const bad = this.#bad;
    const [from, nextRow, nextLine] = [this.#saved, this.#next, this.#nextLine];
    if (nextRow === from) return true;
    this.#bad = [];
    this.#badKept = 0;
    const saved = await end(this.#parts, this.#started, { kind: "progress", from, counts: this.#counts, nextRow, nextLine, bad });
    if (saved) this.#saved = nextRow;
    return saved;
  }
}

/** Only what another service says in words for people may become the reason; its own failures are not the file's. */
const reasonOf = ({ slug, message }: Refusal): string | undefined =>
  slug === "internal" || slug === "unavailable" ? undefined : `The owners of the ads could not be looked up: ${message}.`;

async function* pagesOf(source: AsyncIterable<readonly SourceRow[]>, size: number): AsyncGenerator<readonly SourceRow[]> {
  let page: SourceRow[] = [];
  for await (const rows of source) {
    for (const row of rows) {
      page.push(row);
      if (page.length < size) continue;
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}
