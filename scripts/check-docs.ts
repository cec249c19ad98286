import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { programOf } from "../libs/cli/src/program.ts";
import { anchorOf, headingsOf, type Known, problemsIn } from "./documents.ts";
import { messagesFile, messagesPage } from "./messages.ts";

// Says which document names a link, script, command, file or variable that does not exist, and whether docs/messages.md is what the contracts say.

const root = resolve(import.meta.dirname, "..");
const skipped = new Set(["node_modules", ".git", ".outrider", ".nx", "coverage"]);

const filesUnder = (folder: string, ending: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path, ending) : entry.name.endsWith(ending) ? [path] : [];
  });

/** As much of a commander command as is needed here. */
interface Command {
  readonly name: () => string;
  readonly commands: readonly Command[];
}

const commandsOf = (command: Pick<Command, "commands">, before = ""): readonly string[] =>
  command.commands.flatMap((each) => {
    const name = `${before}${each.name()}`;
    return each.commands.length === 0 ? [name] : commandsOf(each, `${name} `);
  });

const variablesIn = (text: string): readonly string[] => text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? [];

const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const sources = [...filesUnder(root, ".ts"), ...filesUnder(root, ".mjs"), join(root, ".env.example")].filter((file) => existsSync(file));
const known: Known = {
  exists: (path) => existsSync(join(root, path)),
  anchors: (path) => {
    const file = join(root, path);
    return path.endsWith(".md") && statSync(file).isFile() ? new Set(headingsOf(readFileSync(file, "utf8")).map(anchorOf)) : undefined;
  },
  scripts: new Set(Object.keys(scripts)),
  commands: new Set([...commandsOf(programOf()), "help"]),
  variables: new Set(sources.flatMap((file) => variablesIn(readFileSync(file, "utf8")))),
};

const documents = filesUnder(root, ".md").map((file) => ({
  path: relative(root, file).split(sep).join("/"),
  text: readFileSync(file, "utf8"),
}));
const problems = documents.flatMap(({ path, text }) => problemsIn(path, text, known).map(({ line, says }) => `${path}:${line}: ${says}`));
if (readFileSync(messagesFile, "utf8") !== messagesPage())
  problems.push("docs/messages.md: is not what the contracts say; run `node scripts/messages.ts`");
for (const problem of problems) console.error(problem);
console.log(`${documents.length} documents, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
