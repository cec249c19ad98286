import { setTimeout as sleep } from "node:timers/promises";
import type { OutriderEvent } from "./options.ts";
import type { ServerHandle } from "./server-handle.ts";
import { messageOf } from "./stack-error.ts";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

/** Starts a server again whenever it ends without having been asked to, until `stack` is disposed. */
export function keepAlive<Server extends ServerHandle>(
  server: Server,
  name: string,
  tell: (event: OutriderEvent) => void,
  stack: AsyncDisposableStack,
): Server {
  const stopping = new AbortController();
  stack.defer(() => stopping.abort());
  const watch = async (): Promise<void> => {
    let delay = FIRST_DELAY_MS;
    while (!stopping.signal.aborted) {
      const { code, signal } = await server.exited();
      if (stopping.signal.aborted) return;
      await sleep(delay, undefined, { signal: stopping.signal }).catch(() => undefined);
      // Somebody who asked for a restart may have had it by now.
      if (stopping.signal.aborted || server.running()) continue;
      tell({ kind: "exited", name, replica: 1, how: signal ?? `exit code ${code}`, restartInMs: 0 });
      try {
        await server.restart();
        delay = FIRST_DELAY_MS;
      } catch (error) {
        delay = Math.min(delay * 2, LONGEST_DELAY_MS);
        tell({ kind: "progress", text: `${name} does not start again: ${messageOf(error)}` });
      }
    }
  };
  void watch();
  return server;
}
