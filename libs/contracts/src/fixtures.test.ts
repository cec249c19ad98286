import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { codecOfOne, declaredEvents, fixtureFile, versionsOf } from "./testing-declared.ts";

const remedy = "run `node libs/contracts/src/testing-write-fixtures.ts` and commit what it writes";

test.each(declaredEvents.flatMap((definition) => versionsOf(definition).map((name) => [name, definition] as const)))(
  "the stored bytes of %s read as today's event",
  (name, definition) => {
    expect(existsSync(fixtureFile(name)), `${name} has no fixture: ${remedy}`).toBe(true);
    const decoded = codecOfOne(definition).decode(readFileSync(fixtureFile(name)));
    expect(decoded).toMatchObject({ kind: "events", events: [{ type: definition.type }] });
    const [, version] = name.split("@");
    expect(JSON.parse(readFileSync(fixtureFile(name), "utf8"))).toMatchObject({ events: [{ version: Number(version) }] });
    // Today's version is stored exactly so; an older one is what it was.
    if (Number(version) !== definition.version || decoded.kind !== "events") return;
    expect(Buffer.from(codecOfOne(definition).encode(decoded.at, decoded.events)).toString()).toBe(readFileSync(fixtureFile(name), "utf8"));
  },
);

test("no fixture belongs to an event that is gone: what was stored once must be read for ever", () => {
  const known = new Set(declaredEvents.flatMap(versionsOf).map((name) => `${name}.json`));
  expect(readdirSync(new URL("../fixtures/", import.meta.url)).filter((file) => !known.has(file))).toEqual([]);
});
