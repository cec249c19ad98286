import { parseArgs } from "node:util";

export const usage = `npm run any-day -- [--seed N] [--days 1] [--decks 2] [--replicas 2] [--patient]

  --seed N      of the first day (default: another one each time, which is printed); the next days have the next numbers
  --days N      how many days are walked, one after another, each in a new world (1)
  --decks N     how often all operations are played on a day, about 100 each time (2)
  --replicas N  processes of each service (2)
  --patient     senders are killed, too, and the keys of erased people must be gone at the end: two minutes more a day

CHAOS_KEEP=1 keeps data and logs of all processes. Exit codes: 0 all holds; 1 something does not; 2 it cannot run.

Example:
  $ npm run any-day -- --seed 42 --days 5 --patient`;

export interface Wanted {
  readonly help: boolean;
  readonly seed: number;
  readonly days: number;
  readonly decks: number;
  readonly replicas: number;
  readonly patient: boolean;
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

/** Reads the command line. `usualSeed` is taken when none was told. @throws TypeError with one sentence for whoever typed it. */
export const wantedBy = (args: readonly string[], usualSeed: number): Wanted => {
  const { values } = parsed(args);
  const numberOf = (name: "seed" | "days" | "decks" | "replicas", usual: number): number => {
    const told = values[name];
    if (told === undefined) return usual;
    if (!/^\d{1,9}$/.test(told)) throw new TypeError(`--${name} is "${told}": give a whole number.`);
    if (name !== "seed" && Number(told) === 0) throw new TypeError(`--${name} is 0: give 1 or more.`);
    return Number(told);
  };
  return {
    ...{ help: values.help === true, patient: values.patient === true },
    ...{ seed: numberOf("seed", usualSeed), days: numberOf("days", 1), decks: numberOf("decks", 2) },
    replicas: numberOf("replicas", 2),
  };
};

const parsed = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: { help: { ...flag, short: "h" }, patient: flag, seed: text, days: text, decks: text, replicas: text },
    });
  } catch (error) {
    // Node's own words go on with how to write a positional argument that begins with a dash.
    const told = error instanceof Error ? error.message.split(/\.\s/)[0] : String(error);
    throw new TypeError(`${told?.replace(/\.$/, "")}; \`npm run any-day -- --help\` shows what is possible.`, { cause: error });
  }
};
