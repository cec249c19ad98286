/** What a bench is told. Every size has a default that takes well under a minute on two idle cores. */
export interface Sizes {
  /** append and consumeFold: messages of one round. */
  readonly messages: number;
  /** append, consumeFold and project: measured rounds of each side, after one that warms up. */
  readonly rounds: number;
  /** project: contacts, each of four messages. */
  readonly projected: number;
  /** pipeline: contacts in all, and the accounts that they are spread over. */
  readonly contacts: number;
  readonly accounts: number;
  /** pipeline: also 100,000 contacts over ten accounts. */
  readonly long: boolean;
  /** pipeline: services that are not started. */
  readonly without: readonly string[];
  /** pipeline: where each service writes a CPU profile at its end. */
  readonly profile: string | undefined;
  /** import: rows of the file. */
  readonly rows: number;
  /** idle: requests, one after another. */
  readonly requests: number;
}

export type Cell = string | number | undefined;

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** `figures` is the bench's part of the line of JSON; `tables` and `notes` are for people. */
export interface Measured {
  readonly figures: Readonly<Record<string, unknown>>;
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  readonly run: (sizes: Sizes, tell: (text: string) => void) => Promise<Measured>;
}

/** Whether a goal was reached is told, and never fails anything: the machine decides as much as the code. */
export const against = (ratio: number, goal: number): string =>
  `${ratio.toFixed(2)} (goal ≥ ${goal}: ${ratio >= goal ? "reached" : "missed"})`;
