import { expect, test } from "vitest";
import { anchorOf, headingsOf, type Known, problemsIn } from "./documents.ts";

const known: Known = {
  exists: (path) => ["docs/limits.md", "README.md", "libs/stack", "scripts/test.ts"].includes(path),
  anchors: (path) => (path.endsWith(".md") ? new Set(["what-is-missing"]) : undefined),
  scripts: new Set(["test", "start", "chaos"]),
  commands: new Set(["once", "runs start"]),
  variables: new Set(["NATS_URL"]),
};
const said = (text: string, path = "docs/architecture.md") => problemsIn(path, text, known).map(({ line, says }) => `${line}: ${says}`);

test("a document that names only what exists has no problem", () => {
  const text = [
    "See [limits](limits.md#what-is-missing), [the stack](../libs/stack) and [elsewhere](https://example.com/x.md).",
    "`npm test`, `npm run chaos -- --seed 1`, `outrider runs start --watch`, `NATS_URL=nats://a:4222`, `scripts/test.ts`.",
    "```sh\nnpx outrider once --json\n[not a link](nowhere.md)\n```",
  ].join("\n");
  expect(said(text)).toEqual([]);
});

test.each([
  ["a link to no file", "[x](missing.md)", "1: the link missing.md leads nowhere"],
  ["a link out of the repository", "[x](../../x.md)", "1: the link ../../x.md leads nowhere"],
  ["a link to no heading", "\n[x](limits.md#nothing)", "2: docs/limits.md has no heading #nothing"],
  ["a script that is none", "`npm run lint`", "1: package.json has no script lint"],
  ["a command that is none", "```sh\noutrider runs stop\n```", "2: outrider has no command runs stop"],
  ["a file that is none", "see `scripts/gone.ts`", "1: scripts/gone.ts does not exist"],
  ["a variable that nothing reads", "set `NATS_ADDRESS`", "1: nothing reads NATS_ADDRESS"],
])("%s is named with its line", (_what, text, problem) => {
  expect(said(text)).toEqual([problem]);
});

test("headings become anchors as forges make them, and those in code are none", () => {
  expect(headingsOf("# One\n```sh\n# two\n```\n## Three: `a` & b").map(anchorOf)).toEqual(["one", "three-a--b"]);
});
