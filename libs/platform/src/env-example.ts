import type { z } from "zod";
import type { ConfigDefinition } from "./config-definition.ts";
import { metaOf } from "./config-meta.ts";
import { commonShape, mongoShape } from "./config-shape.ts";

/**
 * The text of `.env.example`: every variable of the given services, commented out at its default, once each. Common variables come
 * first, then MongoDB's, then those of one service or of several.
 */
export const envExample = (definitions: readonly ConfigDefinition[]): string => {
  const sorted = [...definitions].sort((one, other) => one.service.localeCompare(other.service));
  const mongo = sorted.filter((definition) => definition.mongo).map((definition) => definition.service);
  const groups = [
    "# Every variable that the services read, at its default. Written by `node scripts/env-example.ts` from their schemas.",
    group("Every service", Object.entries(commonShape)),
    ...(mongo.length === 0 ? [] : [group(`Services with read models: ${mongo.join(", ")}`, Object.entries(mongoShape))]),
    ...ownGroups(sorted),
  ];
  return `${groups.join("\n\n")}\n`;
};

/** Variables by the set of services that read them. */
const ownGroups = (definitions: readonly ConfigDefinition[]): string[] => {
  const readers = new Map<string, { readonly services: string[]; readonly schema: z.ZodType }>();
  for (const { service, own } of definitions) {
    for (const [name, schema] of Object.entries(own)) {
      const seen = readers.get(name);
      if (seen === undefined) readers.set(name, { services: [service], schema });
      else seen.services.push(service);
    }
  }
  const groups = new Map<string, [string, z.ZodType][]>();
  for (const [name, { services, schema }] of readers) {
    const title = services.join(", ");
    groups.set(title, [...(groups.get(title) ?? []), [name, schema]]);
  }
  return [...groups].map(([title, variables]) => group(title, variables));
};

const group = (title: string, variables: readonly (readonly [string, z.ZodType])[]): string =>
  [
    `# --- ${title} ---`,
    ...variables.map(([name, schema]) => {
      const { description, fallback, optional, secret } = metaOf(schema);
      const notes = [...(optional ? [] : ["required"]), ...(secret ? ["secret"] : [])];
      return `# ${description ?? ""}${notes.length === 0 ? "" : ` (${notes.join(", ")})`}\n${optional ? "# " : ""}${name}=${fallback ?? ""}`;
    }),
  ].join("\n");
