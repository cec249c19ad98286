import { Readable } from "node:stream";
import type { Keyring } from "@outrider/platform";
import type { FastifyRequest } from "fastify";
import { limits } from "./config.ts";
import { InvalidField } from "./problems.ts";

/**
 * Tells what is asked by a request, whatever the order of its fields; undefined when it can never be repeated. The body counts as it was sent,
 * before defaults are filled in: a release that knows more of them must not take an older one's request for another. What is read as it
 * arrives, such as a file, does not count. Throws `InvalidField` for a body nested deeper than any schema, which nobody has checked by then.
 */
export const digestOf = (
  { method, url, body, repeatable }: Pick<FastifyRequest, "method" | "url" | "body" | "repeatable">,
  { fingerprint }: Pick<Keyring, "fingerprint">,
): string | undefined =>
  !repeatable || method === "GET"
    ? undefined
    : fingerprint(`${method} ${url}\n${JSON.stringify(body instanceof Readable ? {} : ordered(body))}`);

const ordered = (value: unknown, depth = 0): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= limits.nestedMost) throw new InvalidField("body", `is nested deeper than ${limits.nestedMost} levels`);
  if (Array.isArray(value)) return value.map((inner) => ordered(inner, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, ordered(inner, depth + 1)]),
  );
};
