import { join } from "node:path";
import type { Command } from "commander";
import { expect, test, vi } from "vitest";
import { checkFile } from "./ads-file.ts";
import { wantedOf } from "./journey/wanted.ts";
import { programOf, runCommandLine, withOnce } from "./program.ts";
import { file, folder, wrote } from "./testing-program.ts";

test("`npm start -- --once` is `once`, with whatever else was said", () => {
  expect(withOnce(["up", "--once", "--json"])).toEqual(["once", "--json"]);
  expect(withOnce(["up", "--ads", "a.csv", "--once"])).toEqual(["once", "--ads", "a.csv"]);
  expect(withOnce(["up"])).toEqual(["up"]);
  expect(withOnce(["hunts", "list"])).toEqual(["hunts", "list"]);
});

test.each([
  [["nonsense"], /Unknown command 'nonsense'/],
  [["dead", "rety", "sms-sender", "12"], /^✗ Unknown command 'rety' \(Did you mean retry\?\)/],
  [["--json", "dead", "rety", "sms-sender", "12", "--by", "me"], /Unknown command 'rety' \(Did you mean retry\?\)/],
  [["runs", "zzzzzz"], /^✗ Unknown command 'zzzzzz'\. /],
  [["sms", "line", "--url", "http://127.0.0.1:9"], /Unknown command 'line' \(Did you mean lines\?\)/],
  [["hunts", "pause"], /Missing required argument 'hunt'/],
  [["once", "--fault", "many"], /Unknown option '--fault'/],
  [["once", "--faults", "all"], /--faults is "all": choose one of none, some, many/],
  [["once", "--at", "tomorrow"], /--at is "tomorrow": write it as/],
  [["once", "--pace", "-1"], /--pace is "-1": give a whole number from 0/],
  [["up", "--pace", "-1"], /--pace is "-1": give a whole number from 0/],
  [["once", "--credits", "lots"], /--credits is "lots"/],
  [["once", "--ads", "/nowhere/ads.csv"], /There is no file \/nowhere\/ads\.csv/],
  [["contacts", "resolve", "c", "maybe"], /choose one of sent, not-sent, send-again/],
  [["people"], /A subcommand is needed/],
  [["hunts", "change", "h"], /Required option '--file <file>' not specified/],
  [["hunts", "change", "h", "--file", "/nowhere/hunt.json"], /There is no file \/nowhere\/hunt\.json/],
  [["sms", "limits", "main"], /Name what to change: --gap-ms/],
  [["sms", "limits", "main", "--per-day", "few"], /--per-day is "few"/],
  [["history", "horse:1"], /"horse:1" names nothing/],
  [["people", "consent", "p"], /Required option '--source <source>' not specified/],
  [["people", "consent", "p", "--source", "s", "--basis", "hope"], /--basis is "hope": choose one of consent, existing-customer/],
])("%j is refused in one sentence with exit code 2", async (words, sentence) => {
  expect(await runCommandLine(words)).toBe(2);
  expect(wrote.err).toMatch(sentence);
  expect(wrote.err.trim().split("\n")).toHaveLength(1);
});

test("with --json a refusal is a document, too", async () => {
  expect(await runCommandLine(["accounts", "create", "Bad Name!", "--json"])).toBe(2);
  expect(JSON.parse(wrote.out)).toEqual({ error: expect.stringMatching(/is no account's id/), exitCode: 2 });
  wrote.out = "";
  expect(await runCommandLine(["hunts", "foo", "--json"])).toBe(2);
  expect(JSON.parse(wrote.out.trim().split("\n").at(-1) ?? "")).toMatchObject({ exitCode: 2 });
});

test("a file is found where the user of npm was, who was somewhere below the checkout", () => {
  const path = file("mine.csv", "title\nPeugeot\n");
  expect(() => checkFile("mine.csv")).toThrow(/There is no file .*mine\.csv\.$/);
  vi.stubEnv("INIT_CWD", folder);
  try {
    expect(checkFile("mine.csv")).toEqual({ path, bytes: 14 });
    expect(() => checkFile("others.csv")).toThrow(/There is no file/);
    const ours = file("package.json", "title\nPeugeot\n"); // the checkout has one of that name, too
    expect(checkFile("package.json").path).toBe(ours);
  } finally {
    vi.unstubAllEnvs();
  }
});

test("with --json the document is the last line, also where both outputs go to one place", async () => {
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((text) => lines.push(String(text).trim()) > 0);
  }
  for (const words of [
    ["hunts", "foo"],
    ["once", "--ads", "/nowhere/ads.csv"],
    ["once", "--pace", "x"],
  ]) {
    lines.length = 0;
    expect(await runCommandLine([...words, "--json"])).toBe(2);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ exitCode: 2 });
  }
});

test("tells its release", async () => {
  expect(await runCommandLine(["--version"])).toBe(0);
  expect(wrote.out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

/** The words of every command below one, groups and what is in them. */
const commandsOf = (command: Command): readonly (readonly string[])[] =>
  command.commands.flatMap((sub) => [[sub.name()], ...commandsOf(sub).map((words) => [sub.name(), ...words])]);

test.each(commandsOf(programOf()).map((words) => [words.join(" "), words] as const))(
  "`%s --help` shows an example",
  async (name, words) => {
    expect(await runCommandLine([...words, "--help"])).toBe(0);
    expect(wrote.out).toMatch(/\nExamples?:\n {2}\$ /);
    const [example = ""] = wrote.out.split(/\nExamples?:\n/).slice(-1);
    // A default command is also written without its own name.
    expect(example).toMatch(new RegExp(`outrider (${name}\\b|${words[0]}$)`, "m"));
  },
);

/** The words behind `outrider` in each example of all helps; what a shell would do with quotes is done. */
const examplesIn = (help: string): readonly (readonly string[])[] =>
  [...help.replaceAll(/\\\n\s+/g, "").matchAll(/^ {2}\$ (?:\S+=\S+ )*outrider ?(.*?)(?: {3,}.*)?$/gm)].map(([, line = ""]) =>
    [...line.replace(/ > .*$/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, double, single, bare]) => double ?? single ?? bare ?? "",
    ),
  );

/** The same program, in which nothing is carried out. */
const idle = (command: Command): Command => {
  if (command.commands.length === 0) command.action(() => undefined);
  for (const sub of command.commands) idle(sub);
  return command;
};

test("every example of every help can be typed as it stands", async () => {
  for (const words of [[], ...commandsOf(programOf())]) await runCommandLine([...words, "--help"]);
  const examples = examplesIn(wrote.out);
  expect(examples.length).toBeGreaterThan(80);
  for (const words of examples) {
    await expect(idle(programOf()).parseAsync([...withOnce(words)], { from: "user" }), words.join(" ")).resolves.toBeDefined();
  }
});

test("live mode refuses a clock of its own", () => {
  const ask = () =>
    wantedOf({ options: { at: "2026-11-24T10:00:00+01:00", ads: file("a.csv", "title\nx\n") } }, { OUTRIDER_PROVIDERS: "live" });
  expect(ask).toThrow(/--at is for the sandbox only/);
});

test("the time of --at is understood in any zone", () => {
  expect(wantedOf({ options: { at: "2026-11-24T10:00:00+01:00", ads: file("a.csv", "title\nx\n") } }, {}).at).toBe(
    "2026-11-24T09:00:00.000Z",
  );
});

test.each([
  [undefined, 1],
  ["", 1],
  ["0", 0],
  ["1000", 1000],
])("a contact's price of %j is %d", (given, price) => {
  const ads = file("a.csv", "title\nx\n");
  expect(wantedOf({ options: { ads } }, { SMS_PRICE_CREDITS: given }).price).toBe(price);
});

test.each(["1001", "9999", "-1", "1.5", "two"])("a contact's price of %j is refused before anything starts", (given) => {
  expect(() => wantedOf({ options: {} }, { SMS_PRICE_CREDITS: given })).toThrow(
    expect.objectContaining({ message: `SMS_PRICE_CREDITS is "${given}": give a whole number from 0 to 1000.`, exitCode: 2 }),
  );
});

test.each<[string, () => string, RegExp]>([
  ["a folder", () => folder, /is a folder: give a CSV file/],
  ["an empty file", () => file("empty.csv", ""), /is empty: give a CSV file/],
  ["a spreadsheet", () => file("a.csv", "PK\u0003\u0004rest"), /is a ZIP archive or a spreadsheet, not CSV/],
  ["a binary", () => file("a.csv", Buffer.from([1, 2, 3, 0, 0, 7, 65, 66])), /is binary, not CSV/],
  ["a file inside a file", () => join(file("a.csv", "title\n"), "b.csv"), /There is no file/],
])("%s is no file of ads", (_what, make, sentence) => {
  const path = make();
  expect(() => checkFile(path)).toThrow(sentence);
  expect(() => checkFile(path)).toThrow(expect.objectContaining({ exitCode: 2 }));
});

test("text is a file of ads, also as UTF-16 and with a few NUL bytes", () => {
  const text = `title,price\n${"Peugeot 208,5000\n".repeat(100)}`;
  for (const content of [text, Buffer.from(`\ufeff${text}`, "utf16le"), `${text}\u0000\u0000`]) {
    expect(checkFile(file("a.csv", content)).bytes).toBeGreaterThan(100);
  }
});
