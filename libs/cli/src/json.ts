/** Reading answers whose shape only matters for showing them. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What stands at "a.b.c"; undefined when something on the way is missing. */
export const at = (value: unknown, path: string): unknown => {
  let found = value;
  for (const part of path.split(".")) {
    if (!isRecord(found)) return undefined;
    found = found[part];
  }
  return found;
};

export const textAt = (value: unknown, path: string): string | undefined => {
  const found = at(value, path);
  return typeof found === "string" ? found : undefined;
};

export const numberAt = (value: unknown, path: string): number => {
  const found = at(value, path);
  return typeof found === "number" ? found : 0;
};

/** The items of a page, or of a list that is not paged. */
export const itemsOf = (answer: unknown, name = "items"): readonly unknown[] => {
  const found = Array.isArray(answer) ? answer : at(answer, name);
  return Array.isArray(found) ? found : [];
};

/** Counts by name. */
export const countsAt = (value: unknown, path: string): Readonly<Record<string, number>> => {
  const found = at(value, path);
  if (!isRecord(found)) return {};
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
};
