import type { Allocation } from "@outrider/contracts/hunts";
import type { AccountId, HuntId, PersonId } from "@outrider/contracts/ids";
import { erased, KeyDestroyed, type Keyring, keyIds } from "@outrider/platform";
import type { Play } from "./play.ts";
import type { Row } from "./share.ts";
import { tallyError } from "./tally-error.ts";
import { scopeOf } from "./template-variables.ts";
import { contactOf } from "./verdicts.ts";
import type { AdDocument, HuntDocument } from "./views.ts";

/** A row that could not become a contact after all. */
export interface Dropped {
  readonly hunt: HuntId;
  readonly rule: string;
  readonly error?: string;
}

export interface Written {
  readonly rows: readonly Allocation[];
  readonly dropped: readonly Dropped[];
}

export interface WritingOptions {
  readonly account: AccountId;
  readonly accountName: string;
  readonly hunts: ReadonlyMap<string, HuntDocument>;
  readonly templates: Play["templates"];
  readonly keyring: Pick<Keyring, "openMany" | "sealMany">;
}

/** What writing needs of an ad. */
type AdToWriteAbout = Pick<
  AdDocument,
  | ("title" | "price" | "currency" | "make" | "model" | "year" | "mileage" | "city" | "postalCode" | "url")
  | ("ownerName" | "ownerType" | "noCanvassing")
>;

/** Packed into a string without the names of its fields, a tenth of the object's size: a pass keeps one for each person whom it may write to. */
export const packed = (ad: AdToWriteAbout | undefined): string => {
  if (ad === undefined) throw new TypeError("an ad that was matched is not among the candidate's");
  const { title, price, currency, make, model, year, mileage, city, postalCode, url, ownerName, ownerType, noCanvassing } = ad;
  return JSON.stringify([title, price, currency, make, model, year, mileage, city, postalCode, url, ownerName, ownerType, noCanvassing]);
};
const unpacked = ({ kept }: Row): AdToWriteAbout => {
  const values = JSON.parse(kept).map((value: unknown) => value ?? undefined);
  const [title, price, currency, make, model, year, mileage, city, postalCode, url, ownerName, ownerType, noCanvassing] = values;
  return { title, price, currency, make, model, year, mileage, city, postalCode, url, ownerName, ownerType, noCanvassing };
};

interface Draft {
  readonly row: Row;
  readonly ad: AdToWriteAbout;
  readonly text: string;
}

/** Writes the texts of some rows and seals each under its person's key. An error in one hunt drops that hunt's rows and no others. */
export const write = async (rows: readonly Row[], options: WritingOptions): Promise<Written> => {
  const dropped: Dropped[] = [];
  const ads = new Map(rows.map((row) => [row.ad, unpacked(row)]));
  const names = await ownerNames(rows, ads, options);
  const drafts = rows.flatMap((row): Draft[] => {
    const ad = ads.get(row.ad);
    if (ad === undefined) return [];
    try {
      const text = options.templates
        .get(row.hunt)
        ?.get(row.channel)
        ?.render(scopeOf(ad, names.get(row.ad), options.accountName))
        .trim();
      if (text) return [{ row, ad, text }];
      dropped.push({ hunt: row.hunt, rule: "empty-text" });
    } catch (error) {
      dropped.push({
        hunt: row.hunt,
        rule: "hunt-error",
        error: tallyError(`the template failed: ${error instanceof Error ? error.name : "unknown"}`),
      });
    }
    return [];
  });
  const sealed = await sealTexts(drafts, options, dropped);
  return { rows: sealed, dropped };
};

const ownerNames = async (
  rows: readonly Row[],
  ads: ReadonlyMap<string, AdToWriteAbout>,
  { templates, keyring }: WritingOptions,
): Promise<ReadonlyMap<string, string>> => {
  const wanted = rows.flatMap(({ hunt, channel, ad }) => {
    const name = templates.get(hunt)?.get(channel)?.usesOwnerName ? ads.get(ad)?.ownerName : undefined;
    return name === undefined ? [] : [{ ad, name }];
  });
  const opened = wanted.length === 0 ? [] : await keyring.openMany(wanted.map(({ name }) => name));
  return new Map(
    wanted.flatMap(({ ad }, index) => {
      const name = opened[index];
      return name === undefined || name === erased ? [] : [[ad, name] as const];
    }),
  );
};

const sealTexts = async (
  drafts: readonly Draft[],
  { account, keyring, hunts }: WritingOptions,
  dropped: Dropped[],
): Promise<readonly Allocation[]> => {
  const keyOf = (person: PersonId): string => keyIds.person(account, person);
  let alive = drafts;
  for (;;) {
    try {
      const texts = await keyring.sealMany(alive.map(({ row, text }) => ({ keyId: keyOf(row.person), plain: text })));
      return alive.flatMap(({ row, ad }, index) => {
        const text = texts[index];
        const definition = hunts.get(row.hunt)?.definition;
        if (text === undefined || definition === undefined) return [];
        const { hunt, person, ad: about, channel, line, price: credits } = row;
        const { purpose, legalBasis, sector } = definition;
        const { noCanvassing, ownerType } = ad;
        const contact = contactOf(account, hunt, person);
        return [
          {
            ...{ contact, person, ad: about, hunt, step: 1, channel, line, credits, text, purpose, legalBasis, noCanvassing, ownerType },
            ...(sector === undefined ? {} : { sector }),
          },
        ];
      });
    } catch (error) {
      if (!(error instanceof KeyDestroyed)) throw error;
      const gone = new Set(error.keyIds);
      for (const { row } of alive) if (gone.has(keyOf(row.person))) dropped.push({ hunt: row.hunt, rule: "erased" });
      alive = alive.filter(({ row }) => !gone.has(keyOf(row.person)));
    }
  }
};

/** Rows as pages that fit into one message each. */
export const pagesOf = (
  rows: readonly Allocation[],
  { mostRows, mostBytes }: { readonly mostRows: number; readonly mostBytes: number },
): readonly (readonly Allocation[])[] => {
  const pages: Allocation[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = JSON.stringify(row).length + 1;
    const page = pages.at(-1);
    if (page === undefined || page.length >= mostRows || bytes + size > mostBytes) {
      pages.push([row]);
      bytes = size;
    } else {
      page.push(row);
      bytes += size;
    }
  }
  return pages;
};
