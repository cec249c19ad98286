import { expect, test } from "vitest";
import { answersVersion, isAtLeast } from "./run-tool.ts";
import { isDiskFull, StackError } from "./stack-error.ts";
import { lastWords } from "./supervised.ts";
import { temporaryFolder, writeProgram } from "./test-world.ts";

test.each([
  ["2.14.4", "2.14.4", true],
  ["2.14.3", "2.14.4", false],
  ["2.15.0", "2.14.4", true],
  ["3.0.0", "2.14.4", true],
  ["2.9.30", "2.14.4", false],
  ["2.14.4-RC.1", "2.14.4", true],
  ["17.0.15", "17", true],
  ["1.8.0_292", "17", false],
])("version %s is at least %s: %s", (have, need, answer) => {
  expect(isAtLeast(have, need)).toBe(answer);
});

test("a program that takes its time is no damaged one; what fails, crashes, or says something else is", async () => {
  await using folder = await temporaryFolder();
  const answers = async (script: string) =>
    answersVersion(await writeProgram(`${folder.path}/server`, script), /server: v\d/, { env: process.env, timeoutMs: 500 });
  expect(await answers("echo server: v1")).toBe(true);
  expect(await answers("exec sleep 30")).toBe(true);
  expect(await answers("echo server: v1; exit 1")).toBe(false);
  expect(await answers("kill -SEGV $$")).toBe(false);
  expect(await answers("echo hello")).toBe(false);
  expect(await answersVersion(`${folder.path}/none`, /server/, { env: process.env })).toBe(false);
});

test("knows a full disk by our own error and by the words of others", () => {
  expect(isDiskFull(Object.assign(new Error("write"), { code: "ENOSPC" }))).toBe(true);
  expect(isDiskFull(new StackError("build-failed", "Building failed.", "write x: no space left on device"))).toBe(true);
  expect(isDiskFull(new Error("connection refused"))).toBe(false);
});

test("a program's last words are the message and the error of its last log line, or the line itself", () => {
  expect(lastWords('{"message":"first"}\n{"level":60,"message":"bad configuration","error":{"message":"X is missing"}}\n')).toBe(
    "bad configuration: X is missing",
  );
  expect(lastWords("plain words\n\n")).toBe("plain words");
  expect(lastWords('{"message":"cut o')).toBe('{"message":"cut o');
  expect(lastWords("")).toBe("");
});
