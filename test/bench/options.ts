import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Bench, Sizes } from "./bench.ts";

export interface Asked {
  readonly names: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
  readonly sizes: Sizes;
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

/** Reads the command line. Throws a TypeError with a sentence for whoever typed it. */
export const askedBy = (args: readonly string[], benches: readonly Bench[]): Asked => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: flag,
      help: flag,
      long: flag,
      messages: text,
      rounds: text,
      projected: text,
      contacts: text,
      accounts: text,
      rows: text,
      requests: text,
      without: text,
      profile: text,
    },
  });
  const known = benches.map(({ name }) => name);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`there is no bench ${unknown}; there are ${known.join(", ")}`);
  const size = (name: "messages" | "rounds" | "projected" | "contacts" | "accounts" | "rows" | "requests", usual: number): number => {
    const value = Number(values[name] ?? usual);
    if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} wants a whole number from 1 on`);
    return value;
  };
  return {
    names: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name)),
    json: values.json ?? false,
    help: values.help ?? false,
    sizes: {
      messages: size("messages", 40_000),
      rounds: size("rounds", 5),
      projected: size("projected", 10_000),
      contacts: size("contacts", 10_000),
      accounts: size("accounts", 1),
      long: values.long ?? false,
      without: values.without?.split(",") ?? [],
      profile: values.profile === undefined ? undefined : resolve(values.profile),
      rows: size("rows", 100_000),
      requests: size("requests", 200),
    },
  };
};
