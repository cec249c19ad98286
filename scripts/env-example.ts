import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type ConfigDefinition, envExample } from "@outrider/platform/config";

// Writes .env.example from the schemas of all services; with --check it only says whether the file still tells the truth.

const root = resolve(import.meta.dirname, "..");
const file = join(root, ".env.example");

const definitionOf = async (path: string): Promise<ConfigDefinition> => {
  const { definition } = (await import(pathToFileURL(path).href)) as { definition?: ConfigDefinition };
  if (definition === undefined) throw new TypeError(`${path} does not export its definition`);
  return definition;
};

const configs = readdirSync(join(root, "services"))
  .map((service) => join(root, "services", service, "src", "config.ts"))
  .filter((path) => existsSync(path));
const wanted = envExample(await Promise.all(configs.map(definitionOf)));

if (!process.argv.includes("--check")) {
  writeFileSync(file, wanted);
  console.log(`.env.example written from ${configs.length} services`);
} else {
  const present = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (present !== wanted) {
    const lines = { present: present.split("\n"), wanted: wanted.split("\n") };
    for (const line of lines.present.filter((text) => !lines.wanted.includes(text))) console.log(`- ${line}`);
    for (const line of lines.wanted.filter((text) => !lines.present.includes(text))) console.log(`+ ${line}`);
    console.error(".env.example differs from the services' schemas; run `node scripts/env-example.ts`");
    process.exit(1);
  }
}
