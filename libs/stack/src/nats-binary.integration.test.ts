import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { diagnose } from "./diagnose.ts";
import { requireDisk } from "./disk.ts";
import { startNats } from "./nats.ts";
import { findNats, NATS_BUILT } from "./nats-binary.ts";
import { freePort } from "./ports.ts";
import { temporaryFolder, until, write, writeProgram } from "./test-world.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let env: NodeJS.ProcessEnv;
const shell = "/bin:/usr/bin";

beforeEach(async () => {
  folder = await temporaryFolder();
  env = { PATH: join(folder.path, "bin"), OUTRIDER_CACHE: join(folder.path, "cache"), OUTRIDER_NATS_DOWNLOADS: "off" };
});

afterEach(() => folder[Symbol.asyncDispose]());

const fakeServer = (version: string) => writeProgram(join(folder.path, "bin", "nats-server"), `echo "nats-server: v${version}"`);

/** A Go that notes each build, takes its time, and "builds" a program that says the right version. */
const fakeGo = (after = "sleep 0.5") =>
  writeProgram(
    join(folder.path, "bin", "go"),
    `PATH=${shell}
echo build >>${join(folder.path, "builds")}
while [ "$1" != "-o" ]; do shift; done
${after}
printf '#!/bin/sh\\necho "nats-server: v${NATS_BUILT}"\\n' >"$2" && chmod +x "$2"`,
  );

const builds = async () => (await readFile(join(folder.path, "builds"), "utf8")).trim().split("\n").length;

/** `findNats` in a process of its own. */
function finder() {
  const code = `import { findNats } from ${JSON.stringify(join(import.meta.dirname, "nats-binary.ts"))}; console.log((await findNats()).version);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", code], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  return { child, version: once(child, "close").then(() => said.trim()) };
}

test("takes a server on the PATH that is new enough", async () => {
  const path = await fakeServer("2.14.4");
  expect(await findNats({ env })).toEqual({ path, version: "2.14.4", from: "path" });
});

test("says that the server on the PATH is too old and what to do, when it has nothing else", async () => {
  await fakeServer("2.10.29");
  await expect(findNats({ env })).rejects.toMatchObject({
    name: "StackError",
    code: "too-old",
    message: expect.stringMatching(/^nats-server 2\.10\.29 on the PATH is too old: install nats-server 2\.14\.4 or later, or Go/),
  });
  const findings = await diagnose({ env, dir: folder.path });
  expect(findings.find(({ what }) => what === "nats")).toMatchObject({ state: "wrong", says: expect.stringContaining("2.10.29") });
});

test("builds its own when the one on the PATH is too old, and finds it again", async () => {
  await fakeServer("2.10.29");
  await fakeGo("");
  const built = await findNats({ env });
  expect(built).toMatchObject({ version: NATS_BUILT, from: "built" });
  expect(await findNats({ env })).toEqual(built);
  expect(await builds()).toBe(1);
});

test("says what to install when there is neither server nor Go", async () => {
  await expect(findNats({ env })).rejects.toMatchObject({
    code: "missing-tool",
    message: expect.stringMatching(/^No nats-server was found: install/),
  });
  expect((await diagnose({ env, dir: folder.path })).find(({ what }) => what === "npm")).toMatchObject({ state: "wrong" });
});

test("of two processes one builds and the other waits", async () => {
  await fakeGo();
  const found = await Promise.all([finder().version, finder().version]);
  expect(found).toEqual([NATS_BUILT, NATS_BUILT]);
  expect(await builds()).toBe(1);
  expect(await readdir(join(folder.path, "cache"))).toEqual([expect.stringMatching(/^nats-server-[^.]+\.[^.]+\.[^.]+$/)]);
});

test("a builder killed in the middle leaves nothing that the next one takes for a server", async () => {
  await fakeGo('[ -e "$2.slow" ] || sleep 1');
  const first = finder();
  await until("the build has begun", async () =>
    (await readdir(join(folder.path, "cache")).catch(() => [])).some((name) => name.includes(".part-")),
  );
  first.child.kill("SIGKILL");
  await first.version;
  expect((await findNats({ env })).version).toBe(NATS_BUILT);
  expect(await readdir(join(folder.path, "cache"))).toHaveLength(1);
});

test("a failed build is one sentence and leaves the cache empty", async () => {
  await fakeGo('echo "dial tcp: lookup proxy: no such host"; exit 1');
  await expect(findNats({ env })).rejects.toThrow(
    /^Building nats-server 2\.15\.2 with Go failed \(dial tcp: lookup proxy: no such host\): check that Go/,
  );
  expect(await readdir(join(folder.path, "cache"))).toEqual([]);
});

test("a full disk during the build is told as such", async () => {
  await fakeGo('echo "write /tmp/x: no space left on device"; exit 1');
  await expect(findNats({ env })).rejects.toMatchObject({ code: "no-disk-space", message: expect.stringContaining("make room") });
  expect(await readdir(join(folder.path, "cache"))).toEqual([]);
});

test("a copy in the cache that no longer runs is built anew", async () => {
  await fakeGo("");
  const { path } = await findNats({ env });
  await write(path, "damaged", 0o755);
  expect((await findNats({ env })).version).toBe(NATS_BUILT);
  expect(await builds()).toBe(2);
});

test("a disk with too little room is told before anything is written", async () => {
  const dir = join(folder.path, "nats");
  await expect(requireDisk(dir, 1e9, "NATS")).rejects.toThrow(/^NATS needs 1000000000 MB in .*, where \d+ MB are free: make room there/);
});

test("a port in use is told before anything is started", async () => {
  await fakeServer("2.15.2");
  const port = await freePort();
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  await expect(startNats({ dir: join(folder.path, "nats"), port, env })).rejects.toThrow(
    `Port ${port} for NATS is in use: end the program`,
  );
  other.close();
});

test("NATS_URL that leads to something too old, without JetStream, or to nothing, is one sentence", async () => {
  let greeting = 'INFO {"version":"2.9.1","jetstream":true}\r\n';
  const server = createServer((socket) => socket.end(greeting)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `nats://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const start = () => startNats({ dir: folder.path, env: { ...env, NATS_URL: url } });
  await expect(start()).rejects.toThrow(/^The nats-server at NATS_URL is version 2\.9\.1, too old: upgrade it/);
  greeting = 'INFO {"version":"2.15.2"}\r\n';
  await expect(start()).rejects.toThrow(/without JetStream: start it with `-js`/);
  greeting = "220 mail.example ESMTP\r\n";
  await expect(start()).rejects.toThrow(/^NATS_URL does not lead to a nats-server \(something else answered\)/);
  greeting = 'INFO {"version":"2.15.2","jetstream":true}\r\n';
  const findings = await diagnose({ env: { ...env, NATS_URL: url }, dir: folder.path });
  expect(findings.find(({ what }) => what === "nats")).toMatchObject({ state: "fine", version: "2.15.2", from: "NATS_URL" });
  expect(await start()).toMatchObject({ url, from: "url" });
  server.close();
  await once(server, "close");
  await expect(start()).rejects.toThrow(/^NATS_URL does not lead to a nats-server/);
});
