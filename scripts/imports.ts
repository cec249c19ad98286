import { existsSync, globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize, relative, resolve } from "node:path";

/** Something that the import table of docs/architecture.md does not allow, where it stands, and what to do about it. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
}

interface Package {
  readonly name: string;
  /** `libs/eventing`, `services/registry`; empty for the root. */
  readonly dir: string;
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
}

/** Which of our libraries a library may import. Services may import those of `forServices`, tests those of `forTests` besides. */
const table: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  eventing: [],
  "contact-policy": ["contracts"],
  platform: ["contracts", "eventing"],
  simulators: [],
  stack: [],
  cli: ["contact-policy", "contracts", "simulators", "stack"],
};
const forServices = ["contact-policy", "contracts", "eventing", "platform"];
const forTests = ["simulators", "stack"];
/** All that a rule may know: it is pure, so that every test and replay decides as production did. */
const forRules = /^(@outrider\/contracts\/.+|@outrider\/contact-policy|@outrider\/eventing\/decider)$/;
/** What libraries may import of others' packages and of Node, where that is bounded: the words of the wire depend on nothing that runs. */
const foreign: Readonly<Record<string, readonly string[]>> = { contracts: ["zod", "node:crypto"] };
const scope = "@outrider/";

const isTest = (file: string): boolean => /(\.test\.ts|\.fixture\.ts|\/testing[^/]*\.ts|\/testing\/.*|^test\/.*)$/.test(file);

/** Checks the whole tree below a root. Answers in the order of the files. */
export const importViolations = (root: string): readonly Violation[] => {
  const packages = [
    packageAt(root, ""),
    ...globSync("{libs,services}/*/package.json", { cwd: root }).map((file) => packageAt(root, dirname(file))),
  ];
  const files = globSync("{libs,services,scripts,test}/**/*.{ts,mts,mjs,js}", { cwd: root, exclude: (name) => name === "node_modules" })
    .map((file) => normalize(file))
    .filter((file) => !file.includes("node_modules/"))
    .toSorted();
  const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
  const imports = new Map([...sources].map(([file, source]) => [file, importsOf(source)]));
  const found: Violation[] = [];
  for (const [file, list] of imports) {
    const owner = ownerOf(packages, file);
    for (const each of list) {
      const what = misplaced(file, owner, each) ?? undeclared(file, owner, packages, each);
      if (what !== undefined) found.push({ file, line: each.line, what });
    }
  }
  for (const [file, source] of sources) if (isRule(file, source)) found.push(...impure(file, imports));
  for (const owner of packages) found.push(...unused(root, owner, imports));
  return found;
};

const packageAt = (root: string, dir: string): Package => {
  const { name, dependencies = {}, devDependencies = {} }: Manifest = JSON.parse(readFileSync(join(root, dir, "package.json"), "utf8"));
  return { name, dir, dependencies: new Set(Object.keys(dependencies)), devDependencies: new Set(Object.keys(devDependencies)) };
};

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const ownerOf = (packages: readonly Package[], file: string): Package => {
  const owner = packages.find(({ dir }) => dir !== "" && file.startsWith(`${dir}/`)) ?? packages[0];
  if (owner === undefined) throw new TypeError("there is no root package");
  return owner;
};

const forms = [
  /^[ \t]*(?:import|export)\s+(?<type>type\s)?[^;"'`]*?\bfrom\s*["'](?<specifier>[^"'\n]+)["']/gm,
  /^[ \t]*import\s*["'](?<specifier>[^"'\n]+)["']/gm,
  /\bimport\(\s*["'](?<specifier>[^"'\n]+)["']\s*[,)]/g,
  /\b(?:import\.meta|require)\.resolve\(\s*["'](?<specifier>[^"'\n]+)["']/g,
];

/** What a source imports, by any form whose target can be read in it. */
export const importsOf = (source: string): readonly Import[] =>
  forms
    .flatMap((form) => [...source.matchAll(form)])
    .map(({ groups, index }) => ({
      specifier: groups?.["specifier"] ?? "",
      line: source.slice(0, index + (/^\s*/.exec(source.slice(index))?.[0].length ?? 0)).split("\n").length,
      typeOnly: groups?.["type"] !== undefined,
    }))
    .toSorted((a, b) => a.line - b.line);

const isRelative = (specifier: string): boolean => specifier.startsWith(".");
const isBuiltin = (specifier: string): boolean => specifier.startsWith("node:") || builtinModules.includes(specifier);
const packageOf = (specifier: string): string => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

/** An import that the table does not allow. */
const misplaced = (file: string, owner: Package, { specifier }: Import): string | undefined => {
  if (isRelative(specifier)) {
    const target = relative(".", resolve(dirname(file), specifier));
    if (owner.dir === "" || target.startsWith(`${owner.dir}/`)) return undefined;
    return `${specifier} leaves its package; import ${scope}… by name, or move what both need into a library`;
  }
  if (!specifier.startsWith(scope)) return strange(file, owner, specifier);
  const wanted = packageOf(specifier).slice(scope.length);
  if (packageOf(specifier) === owner.name) return `${specifier} is this very package; import the file itself`;
  if (owner.dir === "") return undefined;
  const isLibrary = wanted in table;
  const [place = "", name = ""] = owner.dir.split("/");
  if (!isLibrary) {
    return `${place === "services" ? "a service never imports another service" : "a library never imports a service"}; ask ${wanted} by a command, or fold its events`;
  }
  const allowed = [...(place === "services" ? forServices : (table[name] ?? [])), ...(isTest(file) ? forTests : [])];
  if (allowed.includes(wanted)) return undefined;
  return `${owner.dir} may import ${allowed.length === 0 ? "nothing of ours" : allowed.join(", ")}, not ${wanted}; turn the dependency round, or pass in what is needed`;
};

const strange = (file: string, { dir }: Package, specifier: string): string | undefined => {
  const allowed = dir.startsWith("libs/") ? foreign[dir.slice("libs/".length)] : undefined;
  if (allowed === undefined || isTest(file) || allowed.includes(isBuiltin(specifier) ? specifier : packageOf(specifier))) return undefined;
  return `${dir} may import ${allowed.join(", ")}, not ${specifier}; put what needs it where it is used`;
};

/** An import of a package that nobody promised to install. */
const undeclared = (file: string, owner: Package, packages: readonly Package[], { specifier, typeOnly }: Import): string | undefined => {
  if (isRelative(specifier) || isBuiltin(specifier)) return undefined;
  const wanted = packageOf(specifier);
  const ours = packages.some(({ name, dir }) => dir !== "" && name === wanted);
  if (owner.dir === "" && ours) return undefined; // the root's scripts and tests see every workspace
  const forTestsOnly = [...owner.devDependencies, ...(packages[0]?.devDependencies ?? [])];
  if (owner.dependencies.has(wanted) || ((isTest(file) || owner.dir === "") && forTestsOnly.includes(wanted))) return undefined;
  if (typeOnly && (owner.devDependencies.has(wanted) || owner.devDependencies.has(`@types/${wanted}`))) return undefined;
  const where = isTest(file) ? "devDependencies" : "dependencies";
  return `${wanted} is not declared; add it to ${where} of ${join(owner.dir, "package.json")}`;
};

/** A file that holds a business rule: an exported `Decider` as a value. */
const isRule = (file: string, source: string): boolean =>
  file.startsWith("services/") && !isTest(file) && /^export const \w+: Decider</m.test(source);

/** Whatever a rule imports, also through files of its own service, must be as pure as the rule. */
const impure = (rule: string, imports: ReadonlyMap<string, readonly Import[]>): readonly Violation[] => {
  const found: Violation[] = [];
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { specifier, line, typeOnly } of imports.get(file) ?? []) {
      if (typeOnly || forRules.test(specifier)) continue;
      if (isRelative(specifier)) visit(normalize(join(dirname(file), specifier)));
      else found.push({ file, line, what: `${specifier} in a rule${file === rule ? "" : ` (${rule} imports this file)`}; ${purity}` });
    }
  };
  visit(rule);
  return found;
};
const purity = `a rule knows ${scope}contracts/…, ${scope}contact-policy and ${scope}eventing/decider only: let whoever executes it pass in the value`;

/** Declared and imported nowhere: nx would build and test it for nothing, and readers would look for its use. */
const unused = (
  root: string,
  { dir, dependencies, devDependencies }: Package,
  imports: ReadonlyMap<string, readonly Import[]>,
): readonly Violation[] => {
  if (dir === "") return [];
  const inside = [...imports].filter(([file]) => file.startsWith(`${dir}/`));
  const used = (among: readonly (readonly [string, readonly Import[]])[]) =>
    new Set(among.flatMap(([, list]) => list.map(({ specifier }) => packageOf(specifier))));
  const [everywhere, atRun] = [used(inside), used(inside.filter(([file]) => !isTest(file)))];
  const file = join(dir, "package.json");
  const lines = existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8").split("\n") : [];
  const lineOf = (name: string): number => lines.findIndex((line) => line.includes(`"${name}":`)) + 1;
  const violations: Violation[] = [];
  for (const name of dependencies) {
    if (!everywhere.has(name)) violations.push({ file, line: lineOf(name), what: `${name} is declared and imported nowhere; remove it` });
    else if (!atRun.has(name)) violations.push({ file, line: lineOf(name), what: `only tests import ${name}; move it to devDependencies` });
  }
  for (const name of devDependencies) {
    if (!everywhere.has(name) && !name.startsWith("@types/"))
      violations.push({ file, line: lineOf(name), what: `${name} is declared and imported nowhere; remove it` });
  }
  return violations;
};
