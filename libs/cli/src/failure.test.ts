import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { endingOf } from "./failure.ts";
import { places } from "./places.ts";

const thrownBy = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test("a folder that cannot be used is one sentence with the variable that chooses another, exit code 2", () => {
  const folder = mkdtempSync(join(tmpdir(), "outrider-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "file");
  writeFileSync(file, "");
  const noFolder = thrownBy(() => mkdirSync(join(file, "once"), { recursive: true }));
  expect(endingOf(noFolder)).toMatchObject({ exitCode: 2, sentence: expect.stringMatching(/\(ENOTDIR\): .* by OUTRIDER_CACHE\.$/) });
  const denied = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES", path: join(places.home, "data") });
  expect(endingOf(denied)).toMatchObject({ exitCode: 2, sentence: expect.stringMatching(/ by OUTRIDER_HOME\.$/) });
  const beside = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES", path: `${places.home}-cache` });
  expect(endingOf(beside)).toMatchObject({ exitCode: 2, sentence: expect.stringMatching(/ by OUTRIDER_CACHE\.$/) });
  const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC", path: file });
  expect(endingOf(full)).toMatchObject({ exitCode: 2, sentence: expect.stringMatching(/^No disk space .* make room/) });
});

test("a defect stays one, with exit code 1", () => {
  expect(endingOf(new TypeError("odd"))).toMatchObject({ exitCode: 1, sentence: "Something unexpected happened: odd" });
  expect(endingOf(Object.assign(new Error("gone"), { code: "ENOENT", path: "/a" }))).toMatchObject({ exitCode: 1 });
});
