import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, vi } from "vitest";
import { runCommandLine } from "./program.ts";

/** The own folder of each test. */
export let folder: string;
/** What the command of this test has written. */
export const wrote = { out: "", err: "" };

// Words are compared, whether or not the machine that runs the tests asks for colours.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrider-cli-"));
  wrote.out = "";
  wrote.err = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    wrote.out += stripVTControlCharacters(String(text));
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    wrote.err += stripVTControlCharacters(String(text));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** A file in the test's own folder. */
export const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** What the gateway was asked by the last command. */
export const asked: { readonly what: string; readonly body: string }[] = [];

/** What a command prints whose gateway answers with this document, whatever it is asked. */
export const against = async (document: object, ...words: string[]): Promise<number> => {
  asked.length = 0;
  const gateway = createServer(async (request, response) => {
    asked.push({ what: `${request.method} ${request.url}`, body: await text(request) });
    response.end(JSON.stringify(document));
  });
  await new Promise<void>((listening) => gateway.listen(0, "127.0.0.1", listening));
  try {
    const { port } = gateway.address() as AddressInfo;
    vi.stubEnv("OUTRIDER_KEY", "or_garage_key");
    vi.stubEnv("OUTRIDER_ADMIN_KEY", "operator");
    return await runCommandLine([...words, "--url", `http://127.0.0.1:${port}`]);
  } finally {
    vi.unstubAllEnvs();
    gateway.close();
  }
};
