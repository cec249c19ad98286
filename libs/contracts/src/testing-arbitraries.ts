import fc from "fast-check";
import type { z } from "zod";
import { timeZone } from "./fields.ts";

/** What this file needs to see of a zod schema; zod's own types for it are not made for walking. */
interface Walkable {
  readonly _zod: { readonly def: Def };
  readonly meta: () => { readonly personal?: string } | undefined;
}
interface Def {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Walkable>>;
  readonly element?: Walkable;
  readonly innerType?: Walkable;
  readonly options?: readonly Walkable[];
  readonly keyType?: Walkable;
  readonly valueType?: Walkable;
  readonly entries?: Readonly<Record<string, string>>;
  readonly values?: readonly unknown[];
  readonly format?: string;
  readonly checks?: readonly { readonly _zod: { readonly def: Check } }[];
}
interface Check {
  readonly check: string;
  readonly pattern?: RegExp;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
  readonly value?: number;
  readonly inclusive?: boolean;
}
interface Bounds {
  readonly format: string | undefined;
  readonly pattern: RegExp | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

const boundsOf = ({ format, checks = [] }: Def): Bounds => {
  const bounds = {
    format,
    pattern: undefined as RegExp | undefined,
    minimum: undefined as number | undefined,
    maximum: undefined as number | undefined,
  };
  for (const { _zod } of checks) {
    const { check, pattern, minimum, maximum, length, value = 0, inclusive } = _zod.def;
    if (pattern !== undefined) bounds.pattern = pattern;
    if (minimum !== undefined || length !== undefined) bounds.minimum = minimum ?? length;
    if (maximum !== undefined || length !== undefined) bounds.maximum = maximum ?? length;
    if (check === "greater_than") bounds.minimum = inclusive === true ? value : value + 1;
    if (check === "less_than") bounds.maximum = inclusive === true ? value : value - 1;
  }
  return bounds;
};

const walkable = (schema: unknown): Walkable => schema as Walkable;

export interface Field {
  /** From the event on: `ad.ownerName`, `rows[].text`. */
  readonly path: string;
  readonly type: string;
  /** Marked as personal, or a sealed value without a mark. */
  readonly sealed: boolean;
}

/** Every leaf of a schema, whichever way leads there; a sealed value is a leaf. */
export const fieldsOf = (schema: z.ZodType): readonly Field[] => walk(walkable(schema), "");

const walk = (schema: Walkable, path: string): readonly Field[] => {
  const { type, shape, element, innerType, options, valueType } = schema._zod.def;
  const sealed = schema.meta()?.personal !== undefined || (shape !== undefined && Object.keys(shape).join() === "k,v");
  if (sealed) return [{ path, type, sealed }];
  if (shape !== undefined) return Object.entries(shape).flatMap(([name, field]) => walk(field, path === "" ? name : `${path}.${name}`));
  if (element !== undefined) return walk(element, `${path}[]`);
  if (innerType !== undefined) return walk(innerType, path);
  if (options !== undefined) return options.flatMap((option) => walk(option, path));
  if (valueType !== undefined) return walk(valueType, `${path}{}`);
  return [{ path, type, sealed }];
};

/** Data of a schema's shape. `full`: every optional field is there, and strings can be read by people. */
export const dataOf = (schema: z.ZodType, { full = false } = {}): fc.Arbitrary<unknown> => arbitrary(walkable(schema), full);

const words = ["alpha", "Citroën C3", "ünï", "08:30 — “quoted”"];

const arbitrary = (schema: Walkable, full: boolean): fc.Arbitrary<unknown> => {
  const inner = (other: Walkable | undefined): fc.Arbitrary<unknown> => (other === undefined ? fc.constant({}) : arbitrary(other, full));
  if ((schema as unknown) === timeZone) return fc.constantFrom("Europe/Paris", "America/New_York", "UTC");
  const { def } = schema._zod;
  const bounds = boundsOf(def);
  switch (def.type) {
    case "object":
      return objectOf(def.shape ?? {}, full);
    case "array":
      return fc.array(inner(def.element), {
        minLength: Math.max(bounds.minimum ?? 0, full ? 1 : 0),
        maxLength: Math.min(bounds.maximum ?? 3, 3),
      });
    case "record": {
      const entries = fc.array(fc.tuple(inner(def.keyType), inner(def.valueType)), { minLength: full ? 1 : 0, maxLength: 2 });
      return entries.map((list) => Object.fromEntries(list.filter(([key]) => key !== "__proto__")));
    }
    case "optional":
    case "default":
    case "prefault":
      return inner(def.innerType);
    case "nullable":
      return full ? inner(def.innerType) : fc.option(inner(def.innerType));
    case "union":
      return fc.oneof(...(def.options ?? []).map(inner));
    case "enum":
      return fc.constantFrom(...Object.values(def.entries ?? {}));
    case "literal":
      return fc.constantFrom(...(def.values ?? []));
    case "boolean":
      return fc.boolean();
    case "number":
      return fc.integer({ min: Math.max(bounds.minimum ?? -1000, -1000), max: Math.min(bounds.maximum ?? 100_000, 100_000) });
    case "string":
      return stringOf(bounds, full);
    default:
      throw new TypeError(`teach testing-arbitraries.ts to make a ${def.type}`);
  }
};

const objectOf = (shape: Readonly<Record<string, Walkable>>, full: boolean): fc.Arbitrary<unknown> => {
  const fields = Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, arbitrary(field, full)]));
  const optional = (name: string): boolean => shape[name]?._zod.def.type === "optional";
  return fc.record(fields, full ? {} : { requiredKeys: Object.keys(shape).filter((name) => !optional(name)) });
};

const stringOf = ({ format, pattern, minimum, maximum }: Bounds, full: boolean): fc.Arbitrary<string> => {
  if (format === "datetime" || format === "date") {
    const days = fc.date({ min: new Date("2026-01-01"), max: new Date("2030-01-01"), noInvalidDate: true });
    return days.map((day) => (format === "date" ? day.toISOString().slice(0, 10) : day.toISOString()));
  }
  if (pattern !== undefined) return full ? fc.constantFrom("a1", "b2", "c3") : fc.stringMatching(pattern);
  if (minimum !== undefined && minimum === maximum) return fc.stringMatching(new RegExp(`^[A-Z]{${minimum}}$`));
  if (full) return fc.constantFrom(...words.filter((word) => word.length <= (maximum ?? 99)));
  return fc.string({ unit: "grapheme-ascii", minLength: minimum ?? 0, maxLength: Math.min(maximum ?? 20, 20) });
};
