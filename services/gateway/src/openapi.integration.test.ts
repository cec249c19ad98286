import { v1 } from "@outrider/contracts/api";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openWorld, type World } from "./testing/world.ts";

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: object;
}

let nats: ThrowAwayNats;
let world: World;
/** Every route that is served, such as `GET /v1/hunts/{hunt}`. */
let served: ReadonlyMap<string, Operation>;

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openWorld(nats.url, []);
  const { json } = await world.call("GET", "/v1/openapi.json");
  const paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> = json.paths;
  served = new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
});
afterAll(async () => {
  await world?.close();
  await nats?.stop();
});

const fieldsOf = ({ parameters = [] }: Operation): readonly string[] =>
  parameters.flatMap(({ name, in: where }) => (where === "query" ? [name] : [])).sort();

test("every route has a summary, one tag and an answer", () => {
  for (const [route, { summary, tags, responses }] of served) {
    expect(summary, route).toBeTruthy();
    expect(tags, route).toHaveLength(1);
    expect(
      Object.keys(responses).some((status) => status.startsWith("2")),
      route,
    ).toBe(true);
  }
  expect([...served.keys()].sort()).toMatchSnapshot();
});

test("under /v1 there is what contracts declare, with the queries that they declare, and nothing else", () => {
  const declared = Object.values(v1).flatMap((routes) => Object.values(routes));
  const found = [...served].filter(([route]) => route.includes(" /v1/"));
  expect(Object.fromEntries(found.map(([route, operation]) => [route, fieldsOf(operation)]))).toEqual(
    Object.fromEntries(declared.map(({ method, url, query }) => [`${method} ${url.replaceAll(/:(\w+)/g, "{$1}")}`, [...query].sort()])),
  );
});

const walk = (value: unknown, path: string, visit: (node: object, path: string) => void): void => {
  if (typeof value !== "object" || value === null) return;
  visit(value, path);
  for (const [name, inner] of Object.entries(value)) walk(inner, `${path}/${name}`, visit);
};

test("no shape is left open without saying what it is", () => {
  const open: string[] = [];
  walk(Object.fromEntries(served), "", (node, path) => {
    const parent = path.split("/").at(-2);
    const isSchema = parent === "properties" || path.endsWith("/schema") || path.endsWith("/items");
    if (isSchema && Object.keys(node).length === 0) open.push(path);
  });
  // Events, states and letters of any kind: what they hold is the matter of each aggregate.
  expect(open.filter((path) => !/history|state|dead|export/.test(path))).toEqual([]);
});
