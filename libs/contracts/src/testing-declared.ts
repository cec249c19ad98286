import * as ads from "./ads.ts";
import * as contact from "./contact.ts";
import { codecOf, type EventDefinition } from "./define.ts";
import * as hunts from "./hunts.ts";
import * as inbox from "./inbox.ts";
import * as ledger from "./ledger.ts";
import * as registry from "./registry.ts";
import * as sms from "./sms.ts";

/** Every context that declares events. */
export const contexts: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { ads, contact, hunts, inbox, ledger, registry, sms };

type AnyDefinition = EventDefinition<string, unknown>;

export const isDefinition = (value: unknown): value is AnyDefinition =>
  typeof value === "object" && value !== null && "type" in value && "version" in value && "schema" in value && "parse" in value;

/** Every event that any context exports. */
export const declaredEvents: readonly AnyDefinition[] = Object.values(contexts).flatMap((context) =>
  Object.values(context).filter(isDefinition),
);

/** The events that codecs know, by the lists that contexts export. */
export const listedEvents: ReadonlySet<unknown> = new Set(
  Object.values(contexts).flatMap((context) =>
    Object.values(context).flatMap((value) => (Array.isArray(value) ? value.filter(isDefinition) : [])),
  ),
);

/** `CreditsGranted@1`, oldest version first. */
export const versionsOf = ({ type, version }: AnyDefinition): readonly string[] =>
  Array.from({ length: version }, (_, n) => `${type}@${n + 1}`);

export const codecOfOne = (definition: AnyDefinition) => codecOf([definition]);

export const fixtureFile = (name: string): URL => new URL(`../fixtures/${name}.json`, import.meta.url);
