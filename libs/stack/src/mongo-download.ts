/** Exit code: what came is not what its sum says, or is no archive with a server in it. */
export const CORRUPT = 3;

const CORRUPTED = /MD5 check failed|Error during un(?:zip|tar)|does not match what was extracted|missing mongod binary/;

/**
 * A program of its own, `node mongo-download.ts FOLDER VERSION`, because the download reports its progress on standard output, which
 * belongs to whoever asked, and because a download that hangs can then be ended. Its last line is the path of the binary.
 */
async function fetchMongo(downloadDir: string, version: string): Promise<void> {
  // Loaded here, since whoever starts this program reads the code above from this file, and has no use for the rest.
  const { MongoBinary } = await import("mongodb-memory-server-core/lib/util/MongoBinary.js");
  try {
    const path = await MongoBinary.getPath({ downloadDir, version, checkMD5: true });
    process.stdout.write(`\n${path}\n`);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\n${said}\n`);
    process.exitCode = CORRUPTED.test(said) ? CORRUPT : 1;
  }
}

if (import.meta.main) await fetchMongo(process.argv[2] ?? "", process.argv[3] ?? "");
