import { resolve } from "node:path";
import { importViolations } from "./imports.ts";

// Says where the tree breaks the import table of docs/architecture.md, and what to do; exit code 1 when it does.

const found = importViolations(resolve(import.meta.dirname, ".."));
for (const { file, line, what } of found) console.error(`${file}:${line}: ${what}`);
if (found.length > 0) process.exit(1);
