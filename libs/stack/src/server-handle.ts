import { StackError } from "./stack-error.ts";
import type { Exit, Tethered } from "./tethered.ts";

/** The part that NATS and MongoDB have in common. */
export interface ServerHandle extends AsyncDisposable {
  /** Changes with every restart; undefined when the server is somebody else's. */
  pid(): number | undefined;
  running(): boolean;
  /** Resolves when the process that runs now has ended; never for somebody else's server. */
  exited(): Promise<Exit>;
  /** `kill -9` if it runs, then the same folder on the same port again; resolves when it is healthy. Calls at one time share one restart. */
  restart(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, SIGKILL after ten seconds. Does nothing to somebody else's server. */
  stop(): Promise<void>;
}

const STOP_MS = 10_000;

/** Starts a server by `start`, which resolves when it is healthy. */
export async function ownServer(start: () => Promise<Tethered>): Promise<ServerHandle> {
  let server = await start();
  let restarting: Promise<void> | undefined;
  let stopped = false;
  const again = async (): Promise<void> => {
    server.kill("SIGKILL");
    await server.exited;
    if (!stopped) server = await start();
  };
  const restart = (): Promise<void> => {
    restarting ??= again().finally(() => {
      restarting = undefined;
    });
    return restarting;
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    await restarting?.catch(() => undefined);
    await server.end(STOP_MS);
  };
  return {
    pid: () => server.pid,
    running: () => server.running(),
    exited: () => server.exited,
    restart,
    kill: (signal) => server.kill(signal),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A server that `variable` points to: used, never touched. */
export function foreignServer(what: string, variable: string): ServerHandle {
  const refuse = (): never => {
    throw new StackError(
      "not-ours",
      `The ${what} at ${variable} was not started by Outrider and is left alone: unset ${variable} for this.`,
    );
  };
  const nothing = async (): Promise<void> => undefined;
  return {
    pid: () => undefined,
    running: () => true,
    exited: () => new Promise(() => undefined),
    restart: async () => refuse(),
    kill: refuse,
    stop: nothing,
    [Symbol.asyncDispose]: nothing,
  };
}
