import { parseArgs } from "node:util";
import { storm } from "./storm.ts";

const usage = "npm run chaos -- [--contacts 10000] [--seed N] [--minutes 10]";

const numberOf = (name: string, text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`--${name} is "${text}": give a whole number. ${usage}`);
  process.exit(2);
};

const { values } = parseArgs({
  options: {
    contacts: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    minutes: { type: "string", default: "10" },
  },
});
const seed = numberOf("seed", values.seed);
const contacts = numberOf("contacts", values.contacts);
const mostMs = numberOf("minutes", values.minutes) * 60_000;

console.log(`seed ${seed}, ${contacts} owners, at most ${values.minutes} minutes of blows`);
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
process.exitCode = failure === undefined ? 0 : 1;
