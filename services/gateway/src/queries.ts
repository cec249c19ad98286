import { type Route, v1 } from "@outrider/contracts/api";
import { InvalidField } from "./problems.ts";

const declared: readonly Route[] = Object.values(v1).flatMap((routes): readonly Route[] => Object.values(routes));
const queries = new Map(declared.map(({ method, url, query }) => [`${method} ${url}`, query]));

/** How much of an unknown name is told, and of how many: they are anybody's. */
const longestName = 64;
const mostNames = 10;

/**
 * Refuses fields of a query that its route does not know: a misspelt filter would answer everything. `url` is the route's template.
 * Routes outside `/v1` take what they are given. @throws InvalidField
 */
export const refuseUnknown = (method: string, url: string, query: unknown): void => {
  const known = queries.get(`${method} ${url}`);
  if (known === undefined) return;
  const unknown = Object.keys(query ?? {}).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const names = unknown.slice(0, mostNames).map((name) => name.slice(0, longestName));
  throw new InvalidField(
    names,
    known.length === 0 ? "unknown: this route takes no query" : `unknown: this route knows ${known.join(", ")}`,
  );
};
