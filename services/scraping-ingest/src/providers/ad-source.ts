import type { AccountId, ImportId } from "@outrider/contracts/ids";

/** An ad as a source gives it, mapped but plain: it never leaves this process unsealed. Absent fields were absent or nonsense. */
export interface FoundAd {
  readonly source: string;
  readonly sourceId: string;
  readonly title: string;
  readonly description?: string;
  readonly phone?: string;
  readonly ownerName?: string;
  readonly ownerType: "private" | "trade" | "unknown";
  readonly noCanvassing: boolean;
  readonly make?: string;
  readonly model?: string;
  readonly price?: number;
  readonly currency?: string;
  readonly year?: number;
  readonly mileage?: number;
  readonly fuel?: string;
  readonly gearbox?: string;
  readonly vehicleType?: string;
  readonly postalCode?: string;
  readonly city?: string;
  readonly url?: string;
  readonly pictures?: string[];
  readonly publishedAt?: string;
}

interface Place {
  /** Rows before this one, bad ones counted. */
  readonly row: number;
  /** Where a person finds it: the line of the file, from 1. */
  readonly line: number;
}

/** A bad row is set aside with its reason, which names line and column and never a value; `raw` is what stood there, shortened. */
export type SourceRow = Place &
  ({ readonly kind: "ad"; readonly ad: FoundAd } | { readonly kind: "bad"; readonly reason: string; readonly raw: string });

/** What is to be read. */
export interface Order {
  readonly account: AccountId;
  readonly import: ImportId;
}

/** Nothing can be read from here, however often it is tried. The message is for the person who sent it. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/** Where ads come from. */
export interface AdSource {
  /** All rows from the first on, in order: the same ones every time it is asked. Throws `Unreadable`; holds a bounded part in memory. */
  readonly rows: (order: Order) => AsyncIterable<readonly SourceRow[]>;
  /** The import has ended: what was kept for it may go. Safe to repeat. */
  readonly release: (order: Order) => Promise<void>;
}
