import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installed, lock } from "./cache.ts";
import { diagnose } from "./diagnose.ts";
import { download } from "./download.ts";
import { startNats } from "./nats.ts";
import { findNats, NATS_BUILT } from "./nats-binary.ts";
import { NATS_RELEASE, type NatsRelease } from "./nats-release.ts";
import { runTool } from "./run-tool.ts";
import { fileInTar } from "./tar.ts";
import { temporaryFolder, until, write, writeProgram } from "./test-world.ts";

const platform = `${process.platform}-${process.arch}`;
const shell = "/bin:/usr/bin";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let env: NodeJS.ProcessEnv;
/** What the release host does with each request; `asked` are the paths. */
let answer: (response: ServerResponse) => void;
let asked: string[];
let host: Server;

beforeEach(async () => {
  folder = await temporaryFolder();
  asked = [];
  host = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(response);
  }).listen(0, "127.0.0.1");
  await once(host, "listening");
  env = {
    PATH: join(folder.path, "bin"),
    OUTRIDER_CACHE: join(folder.path, "cache"),
    OUTRIDER_NATS_DOWNLOADS: `${addressOf(host)}/mirror/`,
  };
});

afterEach(async () => {
  host.closeAllConnections();
  host.close();
  await folder[Symbol.asyncDispose]();
});

function addressOf(server: Server): string {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

/** An archive as the project publishes them, packed by `tar` from a folder with the server and its papers. */
async function packed(server: (file: string) => Promise<unknown>, version: string): Promise<{ archive: Buffer; release: NatsRelease }> {
  const name = `nats-server-v${version}-${platform.replace("-x64", "-amd64")}`;
  await mkdir(join(folder.path, "pack", name), { recursive: true });
  await write(join(folder.path, "pack", name, "LICENSE"), "Apache".repeat(500));
  await write(join(folder.path, "pack", name, "README.md"), "");
  await server(join(folder.path, "pack", name, "nats-server"));
  const archive = join(folder.path, `${name}.tar.gz`);
  const tar = await runTool("tar", ["-czf", archive, "-C", join(folder.path, "pack"), name], { timeoutMs: 60_000 });
  expect(tar.output).toBe("");
  const bytes = await readFile(archive);
  return { archive: bytes, release: { version, archives: { [platform]: createHash("sha256").update(bytes).digest("hex") } } };
}

const saying = (version: string) => (file: string) => writeProgram(file, `echo "nats-server: v${version}"`);
const cached = () => readdir(env["OUTRIDER_CACHE"] ?? "").catch(() => []);
const fakeGo = () =>
  writeProgram(
    join(folder.path, "bin", "go"),
    `PATH=${shell}
while [ "$1" != "-o" ]; do shift; done
printf '#!/bin/sh\\necho "nats-server: v${NATS_BUILT}"\\n' >"$2" && chmod +x "$2"`,
  );

test("pins an archive for each platform that people develop on, of a release that is new enough", () => {
  expect(Object.keys(NATS_RELEASE.archives).sort()).toEqual(["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"]);
  for (const sum of Object.values(NATS_RELEASE.archives)) expect(sum).toMatch(/^[0-9a-f]{64}$/);
});

test("downloads the real server once, checks its sum, and runs it", async () => {
  const real = await findNats();
  const { archive, release } = await packed((file) => cp(real.path, file), real.version);
  answer = (response) => response.end(archive);
  const told: string[] = [];
  const found = await findNats({ env, release, onProgress: (text) => told.push(text) });
  expect(found).toMatchObject({ version: real.version, from: "release" });
  expect(asked).toEqual([`/mirror/v${real.version}/nats-server-v${real.version}-${platform.replace("-x64", "-amd64")}.tar.gz`]);
  expect(told).toEqual([expect.stringContaining(`downloading nats-server ${real.version}`)]);
  expect(await findNats({ env, release })).toEqual(found);
  expect(asked).toHaveLength(1);
  await using server = await startNats({ dir: join(folder.path, "nats"), env: { ...env, PATH: join(found.path, "..") } });
  expect(server.version).toBe(real.version);
});

test("an archive that is not the pinned one is refused in one sentence, whatever else could be tried, and leaves nothing behind", async () => {
  await fakeGo();
  const { archive, release } = await packed(saying("2.15.0"), "2.15.0");
  const other = Buffer.from(archive);
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  answer = (response) => response.end(other);
  await expect(findNats({ env, release })).rejects.toMatchObject({
    name: "StackError",
    code: "corrupt-download",
    message: expect.stringMatching(
      /^What 127\.0\.0\.1:\d+ sent as nats-server 2\.15\.0 is not that release \(SHA-256 .*\): start again, and if/,
    ),
  });
  expect(await cached()).toEqual([]);
});

test("a download that breaks off leaves nothing behind, and Go builds instead", async () => {
  await fakeGo();
  const { archive, release } = await packed(saying("2.15.0"), "2.15.0");
  answer = (response) => {
    response.writeHead(200, { "content-length": archive.length });
    response.write(archive.subarray(0, archive.length / 2), () => response.destroy());
  };
  const told: string[] = [];
  expect(await findNats({ env, release, onProgress: (text) => told.push(text) })).toMatchObject({ version: NATS_BUILT, from: "built" });
  expect(told.at(-1)).toMatch(/^no release could be downloaded \(the download broke off: .*\); building nats-server/);
  expect(await cached()).toEqual([expect.stringMatching(new RegExp(`^nats-server-${NATS_BUILT}-${platform}$`))]);
});

test("without Go, a host that says no or cannot be reached is part of the sentence that says what to install", async () => {
  answer = (response) => response.writeHead(403).end("no");
  await expect(findNats({ env })).rejects.toMatchObject({
    code: "missing-tool",
    message: expect.stringMatching(
      /^No nats-server was found and none could be downloaded \(127\.0\.0\.1:\d+ answered HTTP 403\): install/,
    ),
  });
  host.close();
  host.closeAllConnections();
  await expect(findNats({ env })).rejects.toThrow(/none could be downloaded \(no connection to 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  expect(await cached()).toEqual([]);
});

test("waits for a silent host no longer than it was told, and for a body that stands still neither", async () => {
  const limits = { answerMs: 200, stallMs: 200, bytes: 1_000 };
  answer = () => undefined;
  const from = performance.now();
  await expect(download(new URL(addressOf(host)), {}, limits)).rejects.toThrow(/^no answer from 127\.0\.0\.1:\d+ within 0\.2 s$/);
  answer = (response) => response.write("beginning");
  await expect(download(new URL(addressOf(host)), {}, limits)).rejects.toThrow(/^the download stood still for 0\.2 s$/);
  expect(performance.now() - from).toBeLessThan(5_000);
  answer = (response) => response.end("x".repeat(1_001));
  await expect(download(new URL(addressOf(host)), {}, limits)).rejects.toThrow(/longer than 1000 bytes/);
});

test("follows redirects, as the release host sends them, and uses the proxy that the environment names", async () => {
  const limits = { answerMs: 5_000, stallMs: 5_000, bytes: 1_000 };
  answer = (response) => (asked.length === 1 ? response.writeHead(302, { location: "/elsewhere" }).end() : response.end("body"));
  expect((await download(new URL("/first", addressOf(host)), {}, limits)).toString()).toBe("body");
  expect(asked).toEqual(["/first", "/elsewhere"]);
  await download(new URL("http://releases.example/archive"), { http_proxy: addressOf(host) }, limits);
  expect(asked.at(-1)).toBe("http://releases.example/archive");
  for (const location of ["http://[", "ftp://elsewhere/archive"]) {
    answer = (response) => response.writeHead(302, { location }).end();
    await expect(download(new URL(addressOf(host)), {}, limits)).rejects.toThrow(/answered HTTP 302 to no address$/);
  }
  answer = (response) => response.writeHead(302, { location: "/round" }).end();
  await expect(download(new URL("/round", addressOf(host)), {}, limits)).rejects.toThrow(/answered HTTP 302$/);
});

test("the right archive of a server that does not run here is refused, and leaves nothing behind", async () => {
  const { archive, release } = await packed((file) => writeProgram(file, "exit 1"), "2.15.0");
  answer = (response) => response.end(archive);
  await expect(findNats({ env, release })).rejects.toThrow(
    /^The nats-server 2\.15\.0 that was downloaded does not run on this machine: install/,
  );
  expect(await cached()).toEqual([]);
});

test("a disk that fills up while setting up is told as such and left as it was", async () => {
  const cache = join(folder.path, "cache");
  const build = (part: string) => writeFile(join(part, "some"), "x").then(() => writeFile("/dev/full", "x"));
  await expect(installed({ cache, name: "nats-server-x", megabytes: 1, build })).rejects.toMatchObject({
    code: "no-disk-space",
    message: expect.stringMatching(/^No disk space was left while setting up nats-server-x in .*: make room/),
  });
  expect(await cached()).toEqual([]);
});

test("a damaged copy that another process replaces meanwhile is kept as that one left it", async () => {
  const cache = join(folder.path, "cache");
  const server = await write(join(cache, "nats-server-x", "nats-server"), "damaged");
  const looked: string[] = [];
  const works = async (place: string) => looked.push(await readFile(join(place, "nats-server"), "utf8")) > 0 && looked.at(-1) === "sound";
  const other = await lock(join(cache, "nats-server-x.lock"));
  const build = () => Promise.reject(new Error("built although there is a sound one"));
  const waiting = installed({ cache, name: "nats-server-x", megabytes: 1, works, build });
  await until("it has seen the damaged one", () => looked.length > 0);
  await write(server, "sound");
  await other[Symbol.asyncDispose]();
  expect(await waiting).toBe(join(cache, "nats-server-x"));
  expect(await readFile(server, "utf8")).toBe("sound");
  expect(looked).toEqual(["damaged", "sound"]);
});

test("never hands streams that a newer server has written to the release", async () => {
  await fakeGo();
  answer = (response) => response.writeHead(503).end();
  expect(await findNats({ env })).toMatchObject({ from: "built" });
  const { archive, release } = await packed(saying("2.15.0"), "2.15.0");
  answer = (response) => response.end(archive);
  expect(await findNats({ env, release })).toMatchObject({ from: "built", version: NATS_BUILT });
});

test("doctor tells what the next start does, and afterwards where the server came from", async () => {
  const nats = async () => (await diagnose({ env, dir: folder.path })).find(({ what }) => what === "nats");
  expect(await nats()).toMatchObject({
    state: "later",
    says: expect.stringMatching(/^the next start downloads nats-server 2\.15\.0, once$/),
  });
  expect(await nats()).toMatchObject({ remedy: expect.stringMatching(/^where downloads are blocked: .*golang-go|nats-server/) });
  await fakeGo();
  expect(await nats()).toMatchObject({ says: expect.stringMatching(/downloads nats-server 2\.15\.0, or else builds nats-server/) });
  await rm(join(folder.path, "bin", "go"));
  const { archive, release } = await packed(saying(NATS_RELEASE.version), NATS_RELEASE.version);
  answer = (response) => response.end(archive);
  const { path } = await findNats({ env, release });
  expect(await nats()).toMatchObject({ state: "fine", from: path, says: `nats-server ${NATS_RELEASE.version}, the release, downloaded` });
});

test("an address for downloads that is none is one sentence", async () => {
  env["OUTRIDER_NATS_DOWNLOADS"] = "ftp://mirror";
  await expect(findNats({ env })).rejects.toThrow(/^OUTRIDER_NATS_DOWNLOADS is "ftp:\/\/mirror": give an http or https address/);
});

test("a tar without the file answers nothing", async () => {
  expect(fileInTar(Buffer.alloc(1_024), "nats-server")).toBeUndefined();
  expect(fileInTar(Buffer.from("not a tar"), "nats-server")).toBeUndefined();
});
