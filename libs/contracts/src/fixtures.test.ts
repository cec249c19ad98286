import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { adsCodec } from "./ads.ts";
import { contactRequested } from "./contact.ts";
import { codecOf, defineEvent } from "./define.ts";
import { huntChanged, huntCreated, huntsCodec, pageAllocated } from "./hunts.ts";
import { ledgerCodec } from "./ledger.ts";
import { attemptPermitted, registryCodec } from "./registry.ts";
import { smsCodec } from "./sms.ts";
import { codecOfOne, contexts, declaredEvents, fixtureFile, isDefinition, versionsOf } from "./testing-declared.ts";

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

// A reader of a whole stream that meets an event it does not know takes it for a newer release's, and waits for ever.
const whole = { ads: adsCodec, contact: smsCodec, hunts: huntsCodec, ledger: ledgerCodec, registry: registryCodec, sms: smsCodec };
test.each(
  Object.entries(whole).flatMap(([context, codec]) =>
    Object.values(contexts[context] ?? {})
      .filter(isDefinition)
      .map((definition) => [definition.type, context, codec, definition] as const),
  ),
)("%s is known to whoever reads all of its stream (%s)", (type, _context, codec, definition) => {
  const stored = readFileSync(fixtureFile(`${type}@${definition.version}`));
  expect(codec.decode(stored)).toMatchObject({ kind: "events", events: [{ type }] });
});

test("no fixture belongs to an event that is gone: what was stored once must be read for ever", () => {
  const known = new Set(declaredEvents.flatMap(versionsOf).map((name) => `${name}.json`));
  expect(readdirSync(new URL("../fixtures/", import.meta.url)).filter((file) => !known.has(file))).toEqual([]);
});

// Energy works are forbidden by a field that a release before it would leave out, and so permit: it must wait for a newer release instead.
test.each([huntCreated, huntChanged, pageAllocated, contactRequested, attemptPermitted])(
  "$type names its sector since version 2: version 1 reads as one of no sector, and its own release waits when it meets a later one",
  (definition) => {
    const [before, now] = [1, 2].map((version) => readFileSync(fixtureFile(`${definition.type}@${version}`)));
    if (before === undefined || now === undefined) throw new Error("a fixture is missing");
    expect(String(before)).not.toContain("sector");
    expect(String(now)).toContain('"sector":"energy-renovation"');
    const { events } = JSON.parse(String(before));
    expect(codecOfOne(definition).decode(before)).toMatchObject({ kind: "events", events: [{ data: events[0].data }] });
    const older = codecOf([defineEvent(definition.type, 1, z.looseObject({}))]);
    expect(older.decode(before)).toMatchObject({ kind: "events" });
    expect(older.decode(now)).toEqual({ kind: "newer", what: `${definition.type}@2` });
  },
);
