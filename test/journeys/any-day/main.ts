import { usage, type Wanted, wantedBy } from "./options.ts";

/** What was asked for; undefined when that is told already, and the exit code set. */
const wanted = (): Wanted | undefined => {
  try {
    const asked = wantedBy(process.argv.slice(2), Date.now() % 1_000_000);
    if (!asked.help) return asked;
    console.log(usage);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
  return undefined;
};

const play = async ({ seed: first, days, decks, patient }: Wanted): Promise<void> => {
  const { walk } = await import("./walk.ts");
  let failed = 0;
  for (let seed = first; seed < first + days; seed++) {
    const began = performance.now();
    const { failure, figures } = await walk({ seed, decks, patient });
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`day ${seed}: ${failure === undefined ? "all holds" : "FAILED"} after ${seconds} s; ${JSON.stringify(figures)}`);
    if (failure === undefined) continue;
    failed++;
    console.error(failure);
  }
  process.exit(failed === 0 ? 0 : 1); // what a killed service left open (a tether, a timer) must not keep this from ending
};

const asked = wanted();
if (asked !== undefined) await play(asked);
