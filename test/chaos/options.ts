import { parseArgs } from "node:util";

export const usage = `npm run chaos -- [--contacts 10000] [--seed N] [--minutes 10]

  --contacts N   owners over all accounts (10000)
  --seed N       what is struck in which order (default: another one each time, which is printed)
  --minutes N    for which blows fall, at most (10)

CHAOS_KEEP=1 keeps data and logs of all processes. Exit codes: 0 all holds; 1 something does not; 2 it cannot run.

Example:
  $ npm run chaos -- --contacts 1000 --seed 42 --minutes 3`;

export interface Asked {
  readonly help: boolean;
  readonly contacts: number;
  readonly seed: number;
  readonly minutes: number;
}

const text = { type: "string" } as const;

/** Reads the command line. `usualSeed` is taken when none was told. @throws TypeError with one sentence for whoever typed it. */
export const askedBy = (args: readonly string[], usualSeed: number): Asked => {
  const { values } = parsed(args);
  const numberOf = (name: "contacts" | "seed" | "minutes", usual: number): number => {
    const told = values[name];
    if (told === undefined) return usual;
    if (!/^\d{1,9}$/.test(told)) throw new TypeError(`--${name} is "${told}": give a whole number.`);
    return Number(told);
  };
  return {
    help: values.help === true,
    contacts: numberOf("contacts", 10_000),
    seed: numberOf("seed", usualSeed),
    minutes: numberOf("minutes", 10),
  };
};

const parsed = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: { help: { type: "boolean", short: "h" }, contacts: text, seed: text, minutes: text } });
  } catch (error) {
    // Node's own words go on with how to write a positional argument that begins with a dash.
    const told = error instanceof Error ? error.message.split(/\.\s/)[0] : String(error);
    throw new TypeError(`${told?.replace(/\.$/, "")}; \`npm run chaos -- --help\` shows what is possible.`, { cause: error });
  }
};
