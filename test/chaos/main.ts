import { wanted } from "../wanted.ts";
import { type Asked, askedBy, usage } from "./options.ts";

const play = async ({ seed, contacts, minutes }: Asked): Promise<void> => {
  const { storm } = await import("./storm.ts");
  const mostMs = minutes * 60_000;
  console.log(`seed ${seed}, ${contacts} owners, at most ${minutes} minutes of blows`);
  const began = performance.now();
  const { failure, figures } = await storm({
    ...{ seed, contacts, mostMs },
    leastMs: Math.min(60_000, mostMs),
    serversEveryMs: 20_000,
    reconciled: true,
    tell: console.log,
  });
  console.log(`${Math.round((performance.now() - began) / 1000)} s; ${JSON.stringify(figures)}`);
  if (failure === undefined) console.log("0 lost, 0 messaged twice, credits add up, every contact ended, read models equal a fresh fold");
  else console.error(failure);
  process.exit(failure === undefined ? 0 : 1); // what a blow left open (a tether, a timer) must not keep this from ending
};

const asked = wanted(usage, () => askedBy(process.argv.slice(2), Date.now() % 1_000_000));
if (asked !== undefined) await play(asked);
