import { readFileSync } from "node:fs";
import { join } from "node:path";
import { serviceNames } from "@outrider/contracts/commands";
import { type Outrider, startOutrider } from "@outrider/stack";
import { type Api, apiOf } from "../api.ts";
import { refused } from "../failure.ts";
import { textAt } from "../json.ts";
import type { Output } from "../output.ts";
import { starting } from "./starting.ts";

export interface StageOptions {
  readonly dir: string;
  readonly runFile: string;
  /** What the sandbox's clock shows at the start; absent in live mode. */
  readonly at?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly gatewayPort?: number | undefined;
  readonly output: Output;
}

export interface Stage {
  readonly outrider: Outrider;
  readonly gateway: string;
  readonly adminKey: string;
  /** The gateway with one's own key, patient enough for whatever is started again meanwhile. */
  readonly api: (key: string, account?: string) => Api;
  readonly seconds: { readonly setUp: number; readonly start: number };
}

const patienceMs = 60_000;

/** Starts NATS, MongoDB, the simulator and all eight services, and shows how far that is. @throws StackError */
export const openStage = async ({ dir, runFile, at, env = {}, gatewayPort, output }: StageOptions): Promise<Stage> => {
  const began = performance.now();
  const shown = starting(output, serviceNames);
  try {
    const outrider = await startOutrider({
      services: serviceNames,
      dir,
      runFile,
      env,
      onEvent: shown.onEvent,
      ...(at === undefined ? {} : { at }),
      ...(gatewayPort === undefined ? {} : { ports: { gateway: gatewayPort } }),
    });
    shown.ready();
    const { gateway } = outrider.urls;
    if (gateway === null) throw refused("The gateway was not started.");
    const ended = performance.now();
    const standing = shown.standing();
    const seconds = { setUp: secondsOf((standing ?? ended) - began), start: secondsOf(ended - (standing ?? ended)) };
    const api = (key: string, account?: string): Api => apiOf({ url: gateway, key, account, patienceMs });
    return { outrider, gateway, adminKey: adminKeyOf(dir, env), api, seconds };
  } catch (error) {
    shown.failed();
    throw error;
  }
};

export const secondsOf = (ms: number): number => Math.round(ms) / 1000;

/** The environment's, else the one that the stack has made up for this folder. */
const adminKeyOf = (dir: string, env: NodeJS.ProcessEnv): string => {
  const given = env["OUTRIDER_ADMIN_KEY"] ?? process.env["OUTRIDER_ADMIN_KEY"];
  if (given !== undefined && given !== "") return given;
  const file = join(dir, "secrets.json");
  const key = textAt(JSON.parse(readFileSync(file, "utf8")), "OUTRIDER_ADMIN_KEY");
  if (key === undefined) throw refused(`${file} holds no OUTRIDER_ADMIN_KEY.`);
  return key;
};
