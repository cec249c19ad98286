/** What a document may refer to. */
export interface Known {
  /** Whether a path from the top of the repository exists. */
  readonly exists: (path: string) => boolean;
  /** Anchors of the headings of a document; undefined when it is none. */
  readonly anchors: (path: string) => ReadonlySet<string> | undefined;
  readonly scripts: ReadonlySet<string>;
  /** `runs start`, `once` …: the commands of `outrider`. */
  readonly commands: ReadonlySet<string>;
  readonly variables: ReadonlySet<string>;
}

export interface Problem {
  readonly line: number;
  readonly says: string;
}

const lifecycle = new Set(["test", "start"]);
const npmWords = new Set(["install", "ci", "config", "cache", "run", "test", "start", "exec"]);
const topFolders = "libs|services|scripts|test|docs";

/** A heading's anchor as forges make it. */
export const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");

export const headingsOf = (text: string): readonly string[] =>
  withoutBlocks(text)
    .split("\n")
    .flatMap((line) => /^#{1,6}\s+(.*)$/.exec(line)?.[1] ?? []);

/** Code blocks emptied, lines kept. */
const withoutBlocks = (text: string): string => text.replace(/^```.*?^```/gms, (block) => block.replace(/[^\n]/g, ""));

/** Every link that leads nowhere and every script, command, file or variable that does not exist. `path`: from the top of the repository. */
export const problemsIn = (path: string, text: string, known: Known): readonly Problem[] => [
  ...eachLine(withoutBlocks(text), (line) => linksIn(line).flatMap((link) => linkProblem(path, link, known))),
  ...eachLine(text, (line) => [
    ...npmProblems(line, known),
    ...commandProblems(line, known),
    ...fileProblems(line, known),
    ...variableProblems(line, known),
  ]),
];

const eachLine = (text: string, look: (line: string) => readonly string[]): readonly Problem[] =>
  text.split("\n").flatMap((line, index) => look(line).map((says) => ({ line: index + 1, says })));

const linksIn = (line: string): readonly string[] =>
  [...line.replace(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, link = ""]) => link);

const linkProblem = (from: string, link: string, known: Known): readonly string[] => {
  if (/^[a-z]+:/.test(link)) return [];
  const [file = "", anchor] = link.split("#");
  const path = file === "" ? from : resolvePath(from, file);
  if (path === undefined || !known.exists(path)) return [`the link ${link} leads nowhere`];
  if (anchor === undefined || known.anchors(path)?.has(anchor) === true) return [];
  return [`${path} has no heading #${anchor}`];
};

const resolvePath = (from: string, link: string): string | undefined => {
  const parts = from.split("/").slice(0, -1);
  for (const part of link.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
};

const npmProblems = (line: string, { scripts }: Known): readonly string[] =>
  [...line.matchAll(/`?\bnpm (run )?([a-z][\w:-]*)/g)].flatMap(([whole, run, name = ""]) => {
    if (!whole.startsWith("`") && !/^\s*(\$ )?npm /.test(line)) return [];
    if (run === undefined && !npmWords.has(name)) return [`npm has no command ${name}`];
    const isScript = run !== undefined || lifecycle.has(name);
    return isScript && !scripts.has(name) ? [`package.json has no script ${name}`] : [];
  });

const commandProblems = (line: string, { commands }: Known): readonly string[] =>
  [...line.matchAll(/(?:`|^\s*(?:\$ )?|; )(?:npx )?outrider ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/g)].flatMap(([, first = "", second]) =>
    commands.has(first) || commands.has(`${first} ${second}`) ? [] : [`outrider has no command ${[first, second].join(" ").trim()}`],
  );

/** Links have been looked at already. */
const fileProblems = (line: string, { exists }: Known): readonly string[] =>
  [
    ...line
      .replace(/\[[^\]]*\]\([^)]*\)/g, "")
      .matchAll(new RegExp(`(?<![\\w./<-])(?:${topFolders})/[\\w./-]+\\.(?:ts|mjs|md|csv|json|yml|xml|mod)\\b`, "g")),
  ].flatMap(([path]) => (exists(path) ? [] : [`${path} does not exist`]));

const variableProblems = (line: string, { variables }: Known): readonly string[] =>
  [...line.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].flatMap(([, name = ""]) =>
    variables.has(name) ? [] : [`nothing reads ${name}`],
  );
