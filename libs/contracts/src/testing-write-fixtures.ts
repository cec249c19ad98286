import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { dataOf } from "./testing-arbitraries.ts";
import { codecOfOne, declaredEvents, fixtureFile } from "./testing-declared.ts";

// Writes the stored bytes of today's version of every event that has no fixture yet. One that is there is never touched: it is what is on disk.

mkdirSync(fixtureFile("x").pathname.replace(/\/[^/]*$/, ""), { recursive: true });
for (const definition of declaredEvents) {
  const file = fixtureFile(`${definition.type}@${definition.version}`);
  if (existsSync(file)) continue;
  const [data] = fc.sample(dataOf(definition.schema, { full: true }), { seed: 2026, numRuns: 1 });
  const bytes = codecOfOne(definition).encode("2026-11-21T09:00:00.000Z", [{ type: definition.type, data }]);
  writeFileSync(file, bytes);
  process.stdout.write(`written: fixtures/${definition.type}@${definition.version}.json\n`);
}
