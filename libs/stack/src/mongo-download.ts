import { MongoBinary } from "mongodb-memory-server-core/lib/util/MongoBinary.js";

/**
 * A program of its own, `node mongo-download.ts FOLDER VERSION`, because the download reports its progress on standard output, which
 * belongs to whoever asked, and because a download that hangs can then be ended. Its last line is the path of the binary.
 */
const [, , downloadDir = "", version = ""] = process.argv;
const path = await MongoBinary.getPath({ downloadDir, version, checkMD5: true });
process.stdout.write(`\n${path}\n`);
