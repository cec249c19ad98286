import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cacheFolder, exists, installed } from "./cache.ts";
import { buildWith, isAtLeast, onPath, versionOf } from "./run-tool.ts";
import { StackError } from "./stack-error.ts";

const SOURCE = join(import.meta.dirname, "..", "mongo");
const PROGRAM = ["EmbeddedMongo.java", "BsonType.java", "KeyType.java", "LeadingIndex.java"];
const PINNED = ["pom.xml", "jars.sha256", ...PROGRAM];
const VERSION = "1.47.0";
const JAVA_MINIMUM = "17";
const MEGABYTES = 150;
const MAVEN_MS = 5 * 60_000;
const JAVAC_MS = 2 * 60_000;

export interface JavaTools {
  readonly java?: string;
  readonly javac?: string;
  readonly maven?: string;
  /** What the embedded server still lacks, in words. */
  readonly missing: readonly string[];
}

export async function javaTools(env: NodeJS.ProcessEnv): Promise<JavaTools> {
  const [java, javac, maven] = await Promise.all(["java", "javac", "mvn"].map((name) => onPath(name, env)));
  const version = java === undefined ? undefined : await versionOf(java, ["-version"], /version "(\d+[^"]*)"/, env);
  const newEnough = version !== undefined && isAtLeast(version, JAVA_MINIMUM);
  return {
    ...(java === undefined || !newEnough ? {} : { java }),
    ...(javac === undefined ? {} : { javac }),
    ...(maven === undefined ? {} : { maven }),
    missing: [...(newEnough && javac !== undefined ? [] : ["a Java 17 JDK"]), ...(maven === undefined ? ["Maven"] : [])],
  };
}

export interface Embedded {
  readonly folder: string;
  readonly version: string;
}

/** What is installed is named by what is pinned, so that a changed pin is a new installation. */
async function nameOf(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of PINNED) hash.update(await readFile(join(SOURCE, file)));
  return `embedded-mongo-${VERSION}-${hash.digest("hex").slice(0, 12)}`;
}

/** The embedded server, if it is in the cache. */
export async function embeddedJar(cache: string): Promise<Embedded | undefined> {
  const folder = join(cache, await nameOf());
  return (await exists(folder)) ? { folder, version: VERSION } : undefined;
}

/** Fetches the pinned jars, checks every one, and compiles our few lines around them: compiled, they start in a third of the time. */
export async function installEmbedded({ javac = "javac", maven = "mvn" }: JavaTools, env: NodeJS.ProcessEnv): Promise<Embedded> {
  const folder = await installed({
    cache: cacheFolder(env),
    name: await nameOf(),
    megabytes: MEGABYTES,
    build: async (part) => {
      await copyFile(join(SOURCE, "pom.xml"), join(part, "pom.xml"));
      await buildWith(maven, ["--quiet", "--batch-mode", "--strict-checksums", "dependency:copy-dependencies", "-DoutputDirectory=lib"], {
        cwd: part,
        env,
        timeoutMs: MAVEN_MS,
        doing: "fetching the embedded MongoDB server with Maven",
        remedy: "check that Maven can reach its repository, or install mongod.",
      });
      await checkJars(join(part, "lib"), await readFile(join(SOURCE, "jars.sha256"), "utf8"));
      await mkdir(join(part, "classes"));
      await buildWith(javac, ["-cp", join("lib", "*"), "-d", "classes", ...PROGRAM.map((file) => join(SOURCE, file))], {
        cwd: part,
        env,
        timeoutMs: JAVAC_MS,
        doing: "compiling the embedded MongoDB server",
        remedy: "install a Java 17 JDK or mongod.",
      });
      await rm(join(part, "pom.xml"));
    },
  });
  return { folder, version: VERSION };
}

/** Refuses jars that are not byte for byte those of `list` (lines as `sha256sum` prints them), and jars that are not in it. */
export async function checkJars(folder: string, list: string): Promise<void> {
  const pinned = new Map(
    list
      .split("\n")
      .filter((line) => line !== "")
      .map((line): [string, string] => {
        const [sum = "", name = ""] = line.split(/\s+/);
        return [name, sum];
      }),
  );
  const jars = await readdir(folder);
  for (const name of new Set([...pinned.keys(), ...jars])) {
    const sum = jars.includes(name)
      ? createHash("sha256")
          .update(await readFile(join(folder, name)))
          .digest("hex")
      : "missing";
    if (sum === pinned.get(name)) continue;
    throw new StackError(
      "corrupt-download",
      `The download ${name} is not the one that Outrider pins: delete it from Maven's local repository (~/.m2) and start again.`,
    );
  }
}

/** Serial collector and half a gigabyte: a laptop's read models need no more, and it leaves the cores to the services. */
export const javaArguments = (folder: string, port: number, file: string): string[] => [
  "-XX:+UseSerialGC",
  "-Xmx512m",
  "-XX:TieredStopAtLevel=1",
  "-Xshare:auto",
  // A command runs on the thread of its connection: a long one must not hold up another's, least of all a driver's look whether we live.
  "-Dio.netty.eventLoopThreads=64",
  "-Dio.netty.buffer.checkAccessible=false",
  "-cp",
  [join(folder, "classes"), join(folder, "lib", "*")].join(delimiter),
  "EmbeddedMongo",
  String(port),
  file,
];
