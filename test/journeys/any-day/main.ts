import { wanted } from "../../wanted.ts";
import { usage, type Wanted, wantedBy } from "./options.ts";

const play = async ({ seed: first, days, decks, replicas, patient }: Wanted): Promise<void> => {
  const { walk } = await import("./walk.ts");
  let failed = 0;
  for (let seed = first; seed < first + days; seed++) {
    const began = performance.now();
    const { failure, figures } = await walk({ seed, decks, replicas, patient });
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`day ${seed}: ${failure === undefined ? "all holds" : "FAILED"} after ${seconds} s; ${JSON.stringify(figures)}`);
    if (failure === undefined) continue;
    failed++;
    console.error(failure);
  }
  process.exit(failed === 0 ? 0 : 1); // what a killed service left open (a tether, a timer) must not keep this from ending
};

const asked = wanted(usage, () => wantedBy(process.argv.slice(2), Date.now() % 1_000_000));
if (asked !== undefined) await play(asked);
