import type { ProgramEvent } from "./supervised.ts";

export type OutriderEvent =
  | { readonly kind: "progress"; readonly text: string }
  | ProgramEvent
  | { readonly kind: "ready"; readonly name: string; readonly replica: number };

export interface OutriderOptions {
  /** Folder names under `services/`. */
  readonly services: readonly string[];
  /** For every program; wins over what is made up here and over this process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Data, logs and the sandbox's secrets; made if missing. One Outrider at a time. */
  readonly dir: string;
  /** How many processes of each service, or of those named; default 1. */
  readonly replicas?: number | Readonly<Record<string, number>>;
  /** Folder names under `libs/simulators/src/`; default every provider's, none when `OUTRIDER_PROVIDERS=live`. */
  readonly simulators?: readonly string[];
  /** ISO time that the sandbox's clock shows at the start. */
  readonly at?: string;
  readonly onEvent?: (event: OutriderEvent) => void;
  /** Servers that run already; default: those of NATS_URL and MONGODB_URL, else our own. */
  readonly natsUrl?: string;
  readonly mongoUrl?: string;
  /** Default: free ones. */
  readonly ports?: { readonly gateway?: number; readonly nats?: number; readonly mongodb?: number };
  /** How long the services may take until the last one is ready, once the servers run. Default 60 s. */
  readonly readyMs?: number;
  /** Kept up to date with what runs, and removed at the end. */
  readonly runFile?: string;
  /** Of a NATS server of our own; default: `always` in live mode, else the server's own. */
  readonly syncInterval?: string;
  /** The folder that holds `services/` and `libs/`; default: the one this file is in. */
  readonly root?: string;
}

/** The providers that a sandbox needs a simulator for, and the variable that tells services where it is. */
export const SIMULATORS: Readonly<Record<string, string>> = { smsmobileapi: "SMSMOBILEAPI_URL" };
