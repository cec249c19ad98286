import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMissing, messageOf, StackError } from "./stack-error.ts";

const KEY_BYTES = 32;
const key = (): string => randomBytes(KEY_BYTES).toString("base64");

/** What a sandbox makes up for itself. 32 random bytes in base64 each; the admin's key is typed by people and so has no odd characters. */
const MADE_UP: Readonly<Record<string, () => string>> = {
  OUTRIDER_MASTER_KEY: key,
  SMS_API_KEY_ENCRYPTION_KEY: key,
  OUTRIDER_WEBHOOK_SECRET: key,
  OUTRIDER_ADMIN_KEY: () => `admin-${randomBytes(24).toString("base64url")}`,
};

/**
 * The sandbox's secrets, made once per folder and kept in `secrets.json` (readable by its owner only): what was sealed yesterday must
 * open today. A live system is given its secrets and never comes here.
 * @throws StackError when the file is there but cannot be used, for with new keys the stored data could not be opened.
 */
export async function sandboxSecrets(dir: string): Promise<Record<string, string>> {
  const file = join(dir, "secrets.json");
  const stored = await read(file);
  const missing = Object.keys(MADE_UP).filter((name) => stored[name] === undefined);
  if (missing.length === 0) return stored;
  const secrets = { ...stored };
  for (const name of missing) secrets[name] = MADE_UP[name]?.() ?? key();
  await mkdir(dir, { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return secrets;
}

async function read(file: string): Promise<Record<string, string>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(file, "utf8"));
    if (typeof parsed !== "object" || parsed === null) throw new Error("not an object");
    return Object.fromEntries(Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch (error) {
    if (isMissing(error)) return {};
    throw new StackError(
      "start-failed",
      `${file} cannot be used (${messageOf(error)}): restore it, or delete the whole folder to begin anew.`,
    );
  }
}
