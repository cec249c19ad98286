import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * How much the old heap may grow over what was alive at its last collection, percent. Left to itself, V8 lets it double and more before it
 * looks again: with ten processes on one machine that is a gigabyte of garbage, and a service in a small container is killed for it.
 */
const growthPercent = 30;

/** Collects earlier and keeps less: under load a third of a service's memory, for a few percent of its time. Call it before anything is loaded. */
export const keepHeapSmall = (): void => setFlagsFromString(`--heap-growing-percent=${growthPercent}`);

/**
 * The first full collection, some 50 ms. How far the heap may grow is counted from what was alive at the last one; until there has been one V8
 * waits for several times what a service needs, and what it has taken by then it seldom gives back. Call it when all is loaded.
 */
export const collectOnce = (): void => {
  setFlagsFromString("--expose-gc");
  runInNewContext('gc({ type: "major", execution: "sync", flavor: "last-resort" })');
  setFlagsFromString("--no-expose-gc");
};
