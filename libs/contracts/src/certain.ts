import type { z } from "zod";

/** What this file needs to see of a zod schema; zod's own types for it are not made for walking. */
interface Walkable {
  readonly _zod: { readonly def: Def; readonly optin?: string | undefined };
  readonly safeParse: (value: unknown) => { readonly success: boolean; readonly data?: unknown };
}
interface Def {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Walkable>>;
  readonly catchall?: unknown;
  readonly element?: Walkable;
  readonly innerType?: Walkable;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly values?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: unknown;
  readonly checks?: readonly { readonly _zod: { readonly def: Check } }[];
}
interface Check {
  readonly check: string;
  readonly format?: string | undefined;
  readonly pattern?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
  readonly value?: unknown;
  readonly inclusive?: boolean;
}

/** A schema, or a part of it, has something that only zod can judge. */
class OnlyZodKnows extends Error {
  override readonly name = "OnlyZodKnows";
}

/**
 * A quick judge beside a schema. True: the value fits, and parsing it would give the same value back. False: perhaps, ask the schema. Undefined: the
 * schema has parts (transformations, unions, records) that only zod can judge.
 *
 * Every event that anybody writes or reads is checked. zod makes a copy of it, field by field; nearly all fit as they are, and to see that takes
 * a third of the time. Like zod itself this writes a function out of the schema, and nothing but the schema.
 */
export const certainlyFits = (schema: z.ZodType): ((value: unknown) => boolean) | undefined => {
  const program = new Program();
  try {
    const body = program.judge(schema as unknown as Walkable, "value");
    return program.compiled(body);
  } catch (error) {
    if (error instanceof OnlyZodKnows) return undefined;
    throw error;
  }
};

/** Statements that return false as soon as something does not fit. Whatever is not a number or a name of ours is a constant of the program. */
class Program {
  readonly #constants: unknown[] = [];
  #names = 0;

  compiled(body: string): (value: unknown) => boolean {
    const made: unknown = new Function("constants", `return (value) => {\n${body}\nreturn true;\n};`)(this.#constants);
    if (typeof made !== "function") throw new TypeError("a program is a function");
    return (value) => made(value) === true;
  }

  judge(schema: Walkable, at: string): string {
    const { def } = schema._zod;
    // A rule on a choice or on what may be missing is seldom; one that is overlooked would be believed to hold.
    if (!withOwnChecks.has(def.type) && (def.checks ?? []).length > 0) throw new OnlyZodKnows();
    switch (def.type) {
      case "object":
        return this.#object(def, at);
      case "array":
        return this.#array(def, at);
      case "string":
        return `if (typeof ${at} !== "string") return false;${this.#string(schema, at)}`;
      case "number":
        return this.#number(def, at);
      case "boolean":
        return `if (typeof ${at} !== "boolean") return false;`;
      case "enum":
        return this.#oneOf(Object.values(def.entries ?? {}), at);
      case "literal":
        return this.#oneOf(def.values ?? [], at);
      case "optional":
        // What is missing is filled in by what is inside.
        if (def.innerType?._zod.optin !== undefined) throw new OnlyZodKnows();
        return `if (${at} !== undefined) {${this.#inner(def, at)}}`;
      case "nullable":
        return `if (${at} !== null) {${this.#inner(def, at)}}`;
      case "default":
      case "prefault":
        return `if (${at} === undefined) return false;${this.#inner(def, at)}`;
      default:
        throw new OnlyZodKnows();
    }
  }

  #inner({ innerType }: Def, at: string): string {
    if (innerType === undefined) throw new OnlyZodKnows();
    return this.judge(innerType, at);
  }

  /** Fields that are not declared would be dropped by the schema, so there must be as many as were seen. */
  #object({ shape, catchall, checks }: Def, at: string): string {
    if (shape === undefined || catchall !== undefined || (checks ?? []).length > 0) throw new OnlyZodKnows();
    const [seen, there] = [this.#name(), this.#name()];
    const fields = Object.entries(shape).map(([key, schema]) => {
      const field = this.#name();
      return `const ${field} = ${at}[${JSON.stringify(key)}]; if (${field} !== undefined) ${seen}++; ${this.judge(schema, field)}`;
    });
    return `if (typeof ${at} !== "object" || ${at} === null || Array.isArray(${at})) return false;
let ${seen} = 0;
${fields.join("\n")}
let ${there} = 0;
for (const key in ${at}) ${there}++;
if (${seen} !== ${there}) return false;`;
  }

  #array({ element, checks = [] }: Def, at: string): string {
    if (element === undefined) throw new OnlyZodKnows();
    const lengths = checks.map(({ _zod }) => lengthOf(_zod.def, at) ?? fail()).join("");
    const item = this.#name();
    return `if (!Array.isArray(${at})) return false;${lengths}for (const ${item} of ${at}) {${this.judge(element, item)}}`;
  }

  #string(schema: Walkable, at: string): string {
    const { format, pattern, checks = [] } = schema._zod.def;
    const own: readonly Check[] = format === undefined ? [] : [{ check: "string_format", format, pattern }];
    const all = [...own, ...checks.map(({ _zod }) => _zod.def)];
    const parts = all.map((check) => lengthOf(check, at) ?? this.#pattern(check, at));
    if (parts.includes(undefined)) {
      const leaf = this.#constant((value: unknown) => schema.safeParse(value).data === value);
      return `if (!${leaf}(${at})) return false;`;
    }
    return parts.join("");
  }

  #pattern({ check, format, pattern }: Check, at: string): string | undefined {
    const known = format === "regex" || format === "datetime" || format === "date";
    if (check !== "string_format" || !known || !(pattern instanceof RegExp) || pattern.global || pattern.sticky) return undefined;
    return `if (!${this.#constant(pattern)}.test(${at})) return false;`;
  }

  #number({ format, checks = [] }: Def, at: string): string {
    const formats = [
      format,
      ...checks.map(({ _zod }) => _zod.def).map((check) => (check.check === "number_format" ? check.format : undefined)),
    ];
    const bounds = checks.map(({ _zod }) => _zod.def).filter(({ check }) => check !== "number_format");
    const unknown = formats.some((each) => each !== undefined && each !== "safeint");
    if (unknown || bounds.some(({ check, value }) => !(check in inequality) || typeof value !== "number")) throw new OnlyZodKnows();
    const kind = formats.includes("safeint") ? "isSafeInteger" : "isFinite";
    const within = bounds.map(({ check, value, inclusive }) => {
      const sign = inequality[check as keyof typeof inequality];
      return `if (!(${at} ${sign}${inclusive === true ? "=" : ""} ${Number(value)})) return false;`;
    });
    return `if (!Number.${kind}(${at})) return false;${within.join("")}`;
  }

  #oneOf(values: readonly unknown[], at: string): string {
    if (values.length === 0 || values.some((value) => typeof value === "object")) throw new OnlyZodKnows();
    return `if (${values.map((value) => `${at} !== ${this.#constant(value)}`).join(" && ")}) return false;`;
  }

  #constant(value: unknown): string {
    this.#constants.push(value);
    return `constants[${this.#constants.length - 1}]`;
  }

  #name(): string {
    this.#names++;
    return `v${this.#names}`;
  }
}

/** Kinds of schemas whose rules are looked at one by one. */
const withOwnChecks: ReadonlySet<string> = new Set(["string", "number", "array", "object"]);

const inequality = { greater_than: ">", less_than: "<" } as const;

const lengthOf = ({ check, minimum, maximum, length }: Check, at: string): string | undefined => {
  if (check === "min_length" && minimum !== undefined) return `if (${at}.length < ${Number(minimum)}) return false;`;
  if (check === "max_length" && maximum !== undefined) return `if (${at}.length > ${Number(maximum)}) return false;`;
  if (check === "length_equals" && length !== undefined) return `if (${at}.length !== ${Number(length)}) return false;`;
  return undefined;
};

const fail = (): never => {
  throw new OnlyZodKnows();
};
