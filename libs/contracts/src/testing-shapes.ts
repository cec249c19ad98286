import { z } from "zod";

/** As much of a JSON schema as our contracts make. */
interface Shape {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly prefixItems?: readonly Shape[];
  readonly additionalProperties?: Shape | boolean;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
  readonly format?: string;
  readonly personal?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Shape>>;
}

const width = 130;

/** `{credits: integer, until?: time}`: a schema as people read it, on one line where that fits, else one line a field or choice. */
export const shapeText = (schema: z.ZodType, before = 0, indent = ""): string => {
  const shape = z.toJSONSchema(schema, { unrepresentable: "any", io: "output" }) as Shape;
  return textOf(shape, shape.$defs ?? {}, indent, before);
};

type Definitions = Readonly<Record<string, Shape>>;

const textOf = (shape: Shape, definitions: Definitions, indent: string, before: number): string => {
  const inline = inlineOf(shape, definitions);
  const inner = `${indent}  `;
  if (indent.length + before + inline.length <= width || isSealed(shape)) return inline;
  if (shape.$ref !== undefined) return textOf(referred(shape.$ref, definitions), definitions, indent, before);
  if (shape.type === "array" && shape.items !== undefined)
    return manyOf(shape.items, textOf(shape.items, definitions, indent, before), indent);
  const choices = choicesOf(shape);
  if (choices?.some(({ const: value }) => value === undefined))
    return choices.map((choice) => `\n${inner}| ${textOf(choice, definitions, `${inner}  `, 0)}`).join("");
  if (shape.properties === undefined) return inline;
  const fields = fieldsOf(shape).map(([name, field]) =>
    `${inner}${name}: ${textOf(field, definitions, inner, name.length + 2)}`.replace(": \n", ":\n"),
  );
  return `{\n${fields.join(",\n")},\n${indent}}`;
};

const fieldsOf = ({ properties = {}, required = [] }: Shape): readonly (readonly [string, Shape])[] =>
  Object.entries(properties).map(([name, field]) => [required.includes(name) ? name : `${name}?`, field]);

const inlineOf = (shape: Shape, definitions: Definitions): string => {
  const inline = (one: Shape): string => inlineOf(one, definitions);
  const choices = choicesOf(shape);
  if (shape.$ref !== undefined) return inline(referred(shape.$ref, definitions));
  if (isSealed(shape)) return shape.personal === undefined ? "sealed" : `sealed ${shape.personal}`;
  if (choices !== undefined) return choices.map(inline).join(" | ");
  if (shape.allOf !== undefined) return shape.allOf.map(inline).join(" & ");
  if (shape.const !== undefined) return JSON.stringify(shape.const);
  if (shape.prefixItems !== undefined) return `[${shape.prefixItems.map(inline).join(", ")}]`;
  if (shape.type === "array") return manyOf(shape.items ?? {}, inline(shape.items ?? {}));
  if (shape.type === "object") return objectOf(shape, inline);
  if (shape.format === "date-time") return "time";
  return typeof shape.type === "string" ? shape.type : "anything";
};

const referred = (reference: string, definitions: Definitions): Shape => definitions[reference.split("/").at(-1) ?? ""] ?? {};

/** What it may be, if it may be several things. */
const choicesOf = ({ anyOf, oneOf, enum: values, type }: Shape): readonly Shape[] | undefined => {
  if (values !== undefined) return values.map((value) => ({ const: value }));
  return anyOf ?? oneOf ?? (typeof type === "object" ? type.map((one) => ({ type: one })) : undefined);
};

const isSealed = ({ personal, properties = {} }: Shape): boolean => personal !== undefined || Object.keys(properties).join() === "k,v";

const manyOf = (item: Shape, text: string, indent = ""): string => {
  if ((choicesOf(item)?.length ?? 0) < 2) return `${text}[]`;
  return text.startsWith("\n") ? `(${text}\n${indent})[]` : `(${text})[]`;
};

const objectOf = (shape: Shape, inline: (one: Shape) => string): string => {
  if (shape.properties !== undefined)
    return `{${fieldsOf(shape)
      .map(([name, field]) => `${name}: ${inline(field)}`)
      .join(", ")}}`;
  return typeof shape.additionalProperties === "object" ? `{[key]: ${inline(shape.additionalProperties)}}` : "{…}";
};
