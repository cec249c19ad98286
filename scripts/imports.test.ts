import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { importsOf, importViolations } from "./imports.ts";

/** Spelt apart, so that this file itself does not seem to import what its trees import. */
const load = "import";
const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true });
});

/** A small tree: files by path; a `package.json` by its dependencies. */
const tree = (files: Readonly<Record<string, string | { dependencies?: object; devDependencies?: object }>>): string => {
  const root = mkdtempSync(join(tmpdir(), "outrider-imports-"));
  trees.push(root);
  for (const [path, content] of Object.entries({ "package.json": { devDependencies: { vitest: "1" } }, ...files })) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    const name = path === "package.json" ? "root" : `@outrider/${dirname(path).split("/").at(-1)}`;
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify({ name, ...content }, null, 1));
  }
  return root;
};
const from = (...specifiers: readonly string[]): string => specifiers.map((each) => `import { x } from "${each}";\n`).join("");
const said = (root: string): readonly string[] => importViolations(root).map(({ file, line, what }) => `${file}:${line}: ${what}`);

test("the tree keeps the import table, and every package declares what it imports", () => {
  expect(said(resolve(import.meta.dirname, ".."))).toEqual([]);
});

test("a library imports what the table allows, and never a service", () => {
  const root = tree({
    "libs/eventing/package.json": { dependencies: { "@outrider/contracts": "*", "@outrider/registry": "*" } },
    "libs/eventing/src/a.ts": from("node:fs", "@outrider/contracts/ids", "@outrider/registry"),
    "libs/contracts/package.json": {},
    "services/registry/package.json": {},
  });
  expect(said(root)).toEqual([
    expect.stringMatching(/^libs\/eventing\/src\/a\.ts:2: libs\/eventing may import nothing of ours, not contracts; turn/),
    expect.stringMatching(/^libs\/eventing\/src\/a\.ts:3: a library never imports a service; ask registry by a command/),
  ]);
});

test("contracts import zod and hashing, and nothing else that runs; their tests are free", () => {
  const dependencies = { dependencies: { zod: "1", pino: "1" }, devDependencies: { "fast-check": "1" } };
  const root = tree({
    "libs/contracts/package.json": dependencies,
    "libs/contracts/src/a.ts": from("zod", "zod/mini", "node:crypto", "./b.ts", "pino", "node:fs"),
    "libs/contracts/src/b.ts": "",
    "libs/contracts/src/a.test.ts": from("fast-check", "node:fs", "vitest"),
    "libs/stack/package.json": { dependencies: { zod: "1", pino: "1" } },
    "libs/stack/src/a.ts": from("pino", "zod", "node:fs"),
  });
  expect(said(root)).toEqual([
    expect.stringMatching(/^libs\/contracts\/src\/a\.ts:5: libs\/contracts may import zod, node:crypto, not pino; put/),
    expect.stringMatching(/^libs\/contracts\/src\/a\.ts:6: libs\/contracts may import zod, node:crypto, not node:fs; put/),
  ]);
});

test("a service imports libraries, simulators in its tests only, and never another service by any path", () => {
  const root = tree({
    "services/registry/package.json": { dependencies: { "@outrider/platform": "*" }, devDependencies: { "@outrider/simulators": "*" } },
    "services/registry/src/main.ts": from("@outrider/platform", "../../gateway/src/x.ts", "@outrider/simulators"),
    "services/registry/src/main.test.ts": from("@outrider/simulators", "vitest", "./main.ts"),
    "services/gateway/package.json": {},
    "services/gateway/src/x.ts": "",
    "libs/platform/package.json": {},
    "libs/simulators/package.json": {},
  });
  expect(said(root)).toEqual([
    expect.stringContaining("services/registry/src/main.ts:2: ../../gateway/src/x.ts leaves its package"),
    expect.stringMatching(/^services\/registry\/src\/main\.ts:3: .* not simulators; /),
  ]);
});

test("a rule is pure, also through the files that it imports; types are free", () => {
  const rule = ["", 'import type { Pool } from "mongodb";', from("@outrider/contracts/ledger", "@outrider/eventing/decider", "./sums.ts")];
  const declared = { dependencies: { "@outrider/contracts": "*", "@outrider/eventing": "*", mongodb: "1" } };
  const root = tree({
    "services/ledger/package.json": declared,
    "services/ledger/src/balance.ts": `${rule.join("\n")}import { y } from "@outrider/eventing";\n\nexport const balance: Decider<A, B, C, D> = {};\n`,
    "services/ledger/src/sums.ts": from("node:crypto"),
    "services/ledger/src/reactions.ts": from("mongodb", "./balance.ts"),
    "libs/contracts/package.json": {},
    "libs/eventing/package.json": {},
  });
  expect(said(root)).toEqual([
    expect.stringContaining("services/ledger/src/sums.ts:1: node:crypto in a rule (services/ledger/src/balance.ts imports this file)"),
    expect.stringContaining("services/ledger/src/balance.ts:6: @outrider/eventing in a rule; a rule knows"),
  ]);
});

test("what is imported is declared and what is declared is imported, where it belongs", () => {
  const root = tree({
    "libs/platform/package.json": {
      dependencies: { pino: "1", zod: "1", lonely: "1" },
      devDependencies: { idle: "1", "@types/pino": "1" },
    },
    "libs/platform/src/a.ts": `${from("pino/file", "fastify")}const later = () => ${load}("undici");\n`,
    "libs/platform/src/a.test.ts": from("vitest", "zod", "missing"),
  });
  expect(said(root)).toEqual([
    expect.stringContaining(
      "libs/platform/src/a.test.ts:3: missing is not declared; add it to devDependencies of libs/platform/package.json",
    ),
    expect.stringContaining("libs/platform/src/a.ts:2: fastify is not declared; add it to dependencies of"),
    expect.stringContaining("libs/platform/src/a.ts:3: undici is not declared"),
    expect.stringMatching(/^libs\/platform\/package\.json:5: only tests import zod; move it/),
    expect.stringMatching(/^libs\/platform\/package\.json:6: lonely is declared and imported nowhere/),
    expect.stringMatching(/^libs\/platform\/package\.json:9: idle is declared and imported nowhere/),
  ]);
});

test("reads every form of an import, over several lines too, and nothing that only looks like one", () => {
  const source = [
    "import {",
    "  a,",
    '} from "one";',
    'export { b } from "two";',
    'import "three";',
    'import type { T } from "four";',
    `const five = await ${load}("five");`,
    `const six = ${load}.meta.resolve("six");`,
    '// somebody could import { x } from "nowhere"',
    "const text = \"export it from 'nowhere'\";",
  ].join("\n");
  expect(importsOf(source)).toEqual([
    { specifier: "one", line: 1, typeOnly: false },
    { specifier: "two", line: 4, typeOnly: false },
    { specifier: "three", line: 5, typeOnly: false },
    { specifier: "four", line: 6, typeOnly: true },
    { specifier: "five", line: 7, typeOnly: false },
    { specifier: "six", line: 8, typeOnly: false },
  ]);
});
