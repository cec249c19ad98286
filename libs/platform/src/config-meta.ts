import { z } from "zod";

export interface VariableMeta {
  readonly description: string | undefined;
  readonly secret: boolean;
  /** As it would stand in the environment; undefined when there is none. */
  readonly fallback: string | undefined;
  readonly optional: boolean;
}

const wrapped = z.object({
  innerType: z.custom<z.ZodType>((inner) => inner instanceof z.ZodType).optional(),
  in: z.custom<z.ZodType>().optional(),
});
const known = z.object({ description: z.string().optional(), secret: z.boolean().optional() });

/** Description, secrecy and default of a variable, wherever in the schema's layers they were given. */
export const metaOf = (schema: z.ZodType): VariableMeta => {
  const { description, secret } = known.parse(z.globalRegistry.get(schema) ?? {});
  const inner = wrapped.parse(schema.def);
  const below = inner.innerType ?? inner.in;
  const deeper = below instanceof z.ZodType ? metaOf(below) : undefined;
  const fallback = schema.safeParse(undefined);
  return {
    description: description ?? deeper?.description,
    secret: secret ?? deeper?.secret ?? false,
    fallback: fallback.success && fallback.data !== undefined ? String(fallback.data) : undefined,
    optional: fallback.success,
  };
};
