import { pathToFileURL } from "node:url";

/**
 * A program of its own, `node warm-program.ts MAIN.ts …`: loads what the services consist of and ends, which leaves all of it in the compile
 * cache. It runs with a variable that no service accepts, so each `main.ts` reads its configuration, finds it wrong and goes no further.
 */
const exit = process.exit;
process.exit = (): never => {
  throw new Error("the configuration is wrong, as it should be");
};
for (const main of process.argv.slice(2)) {
  await import(pathToFileURL(main).href).catch(() => undefined);
}
exit(0);
