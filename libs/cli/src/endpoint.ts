import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { cannotRun } from "./failure.ts";
import { at, textAt } from "./json.ts";
import { places } from "./places.ts";

/** What `up` leaves for the other commands, readable by its owner only. */
export interface Credentials {
  /** The demo account and its key; absent after a start without it. */
  readonly account?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly adminKey?: string | undefined;
  /** Of the line on the simulator: the same at every start, so that the simulated provider knows its own messages again. */
  readonly line?: { readonly apiKey: string; readonly webhookSecret: string } | undefined;
  /** The account has its credits, line and hunts. */
  readonly prepared?: boolean | undefined;
}

export interface Told {
  readonly url?: string | undefined;
  readonly account?: string | undefined;
}

export interface Where {
  readonly env: NodeJS.ProcessEnv;
  readonly runFile: string;
  readonly credentials: string;
}

const here: Where = { env: process.env, runFile: places.runFile, credentials: places.credentials };

export interface Endpoint {
  readonly url: string;
  readonly key: string;
  readonly account?: string | undefined;
}

/** The gateway and an account's key: what was told, else the environment, else what `up` has left here. */
export const endpointOf = (told: Told, where: Where = here): Endpoint => {
  const url = gatewayOf(told, where);
  const fromEnvironment = given(where.env["OUTRIDER_KEY"]);
  if (fromEnvironment !== undefined) return { url, key: fromEnvironment, account: told.account };
  const stored = readCredentials(where.credentials);
  if (stored?.apiKey !== undefined && (told.account === undefined || told.account === stored.account)) return { url, key: stored.apiKey };
  const isOperator = stored !== undefined || given(where.env["OUTRIDER_ADMIN_KEY"]) !== undefined;
  if (told.account !== undefined && isOperator) return adminOf(told, where);
  throw cannotRun(
    "No API key: set OUTRIDER_KEY to the key that `outrider accounts create` printed, or OUTRIDER_ADMIN_KEY and name the account by --account.",
  );
};

/** The gateway and the administrator's key. */
export const adminOf = (told: Told, where: Where = here): Endpoint => {
  const url = gatewayOf(told, where);
  const stored = readCredentials(where.credentials);
  const key = given(where.env["OUTRIDER_ADMIN_KEY"]) ?? stored?.adminKey;
  if (key === undefined) throw cannotRun("No administrator's key: set OUTRIDER_ADMIN_KEY to the one that the gateway was started with.");
  return { url, key, account: told.account ?? accountOf(given(where.env["OUTRIDER_KEY"])) ?? stored?.account };
};

/** Whoever has set an account's key means that account, also where the administrator's key is needed. */
const accountOf = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : /^or_([A-Za-z0-9_-]{1,64})_[A-Za-z0-9_-]{43}$/.exec(key)?.[1];

const given = (value: string | undefined): string | undefined => (value === undefined || value.trim() === "" ? undefined : value.trim());

const gatewayOf = ({ url }: Told, { env, runFile }: Where): string => {
  const told = given(url) ?? given(env["OUTRIDER_URL"]);
  if (told === undefined) return gatewayInRunFile(runFile);
  if (!URL.canParse(told) || !/^https?:$/.test(new URL(told).protocol)) {
    throw cannotRun(`The gateway's address is "${told}": write it as http://127.0.0.1:4000.`);
  }
  // The address that `up` prints and the documentation shows ends with /v1: it is as good as the one before it.
  return told.replace(/\/+$/, "").replace(/\/v1$/, "");
};

const gatewayInRunFile = (runFile: string): string => {
  const running = readJson(runFile);
  if (running === undefined) throw cannotRun("Nothing runs here: start Outrider with `outrider up`, or set OUTRIDER_URL to a gateway.");
  const gateway = textAt(running, "gateway");
  if (gateway === undefined) throw cannotRun(`${runFile} names no gateway: start Outrider with \`outrider up\`, or set OUTRIDER_URL.`);
  return gateway;
};

/** What of the run file is still there. A killed start leaves its file behind, and for some seconds its services. */
export interface StillThere {
  /** Whoever started it, and would end it. */
  readonly starter: boolean;
  readonly services: boolean;
}

export const stillThere = (runFile: string, alive: (pid: number) => boolean = isAlive): StillThere => {
  const running = readJson(runFile);
  const services = at(running, "services");
  const isThere = (one: unknown): boolean => {
    const pid = at(one, "pid");
    // In a container that was started again our own number may be that of whoever was killed in it.
    return typeof pid === "number" && pid !== process.pid && alive(pid);
  };
  return { starter: isThere(running), services: Array.isArray(services) && services.some(isThere) };
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return !isZombie(pid);
};

/** Ended, but not yet collected by a parent that does not care: common in containers. Elsewhere than on Linux there is no such file. */
const isZombie = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
};

const readJson = (file: string): unknown => {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw cannotRun(`${file} cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw cannotRun(`${file} is not JSON: remove it and start Outrider again.`);
  }
};

export const readCredentials = (file: string): Credentials | undefined => {
  const stored = readJson(file);
  const account = textAt(stored, "account");
  const apiKey = textAt(stored, "apiKey");
  const adminKey = textAt(stored, "adminKey");
  if ((account === undefined || apiKey === undefined) && adminKey === undefined) return undefined;
  const line = { apiKey: textAt(stored, "line.apiKey"), webhookSecret: textAt(stored, "line.webhookSecret") };
  const known =
    line.apiKey === undefined || line.webhookSecret === undefined
      ? {}
      : { line: { apiKey: line.apiKey, webhookSecret: line.webhookSecret } };
  const prepared = at(stored, "prepared") === true ? { prepared: true } : {};
  return { account, apiKey, adminKey, ...known, ...prepared };
};

export const writeCredentials = (file: string, credentials: Credentials): void => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(credentials, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
};
