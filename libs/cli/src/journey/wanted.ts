import { contactPrice } from "@outrider/contracts/fields";
import { type AdsFile, checkFile } from "../ads-file.ts";
import { type Context, integerOption, oneOfOption, textOption } from "../context.ts";
import { cannotRun } from "../failure.ts";
import { places } from "../places.ts";
import { toldTime } from "./starting-time.ts";

/** What was asked for on the command line, checked before anything is started. */
export interface Wanted {
  readonly file: AdsFile;
  readonly faults: "none" | "some" | "many";
  readonly at: string | undefined;
  readonly paceMs: number;
  readonly credits: number;
  /** Credits that one message costs. */
  readonly price: number;
}

const dayMs = 86_400_000;

export const wantedOf = ({ options }: Pick<Context, "options">, env: NodeJS.ProcessEnv): Wanted => ({
  price: priceIn(env),
  faults: oneOfOption(options, "faults", ["none", "some", "many"]) ?? "none",
  at: toldTime(textOption(options, "at"), env),
  paceMs: integerOption(options, "pace", 0, dayMs) ?? 0,
  credits: integerOption(options, "credits", 1, 1_000_000_000) ?? 100_000,
  file: checkFile(textOption(options, "ads") ?? places.sample),
});

/** As the services read it, who would not start with another. */
const priceIn = ({ SMS_PRICE_CREDITS: given = "" }: NodeJS.ProcessEnv): number => {
  const { least, most, usual } = contactPrice;
  if (given === "") return usual;
  const price = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
  if (price >= least && price <= most) return price;
  throw cannotRun(`SMS_PRICE_CREDITS is "${given}": give a whole number from ${least} to ${most}.`);
};

/** What a run's sums need: nothing waits for tomorrow, what is unknown stays so, and the pass waits for every ad of the file. */
export const sumsEnvironment = {
  DEFER_AT_MOST: "0",
  RECONCILE_AFTER_MS: String(dayMs),
  CANDIDATES_WAIT_MS: "300000",
} as const;

/** What the services are told in a rehearsal: the same, and nothing polls, however often a process is killed meanwhile. */
export const rehearsalEnvironment = { ...sumsEnvironment, POLL_PROVIDER_MS: "0" } as const;
