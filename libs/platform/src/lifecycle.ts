import type { Logger } from "./logging.ts";

export interface Lifecycle {
  /** Aborted when the service has been asked to end: take on nothing new. */
  readonly stopping: AbortSignal;
  /** What to end at the stop, the last one first. `what` is named when it does not end in time. */
  readonly onStop: (what: string, end: () => Promise<void> | void) => void;
  /** Resolves when the service has been asked to end. */
  readonly untilStopped: () => Promise<void>;
  /** Asks the service to end. */
  readonly stop: (why: string) => void;
  /** Runs what `onStop` was given, once; never rejects. */
  readonly close: () => Promise<void>;
}

export interface LifecycleOptions {
  readonly deadlineMs: number;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  /** Ends the process; absent where the process is not ours to end, as in tests. */
  readonly exit?: (code: number) => void;
}

export const createLifecycle = ({ deadlineMs, log, exit }: LifecycleOptions): Lifecycle => {
  const controller = new AbortController();
  const pending: { readonly what: string; readonly end: () => Promise<void> | void }[] = [];
  let awaited = false;
  let closing: Promise<void> | undefined;

  const runAll = async (): Promise<void> => {
    for (let last = pending.at(-1); last !== undefined; last = pending.at(-1)) {
      try {
        await last.end();
      } catch (error) {
        log.error({ what: last.what, error }, "something did not end as it should");
      }
      pending.splice(pending.lastIndexOf(last), 1);
    }
    // A process that was asked to end does so, whatever timer or socket somebody left behind.
    if (controller.signal.aborted) exit?.(0);
  };
  const close = (): Promise<void> => {
    if (!controller.signal.aborted && exit === undefined) controller.abort(new Error("the service is closed"));
    closing ??= runAll();
    return closing;
  };
  const overdue = (): void => {
    log.error({ unfinished: pending.map(({ what }) => what) }, "the stop took longer than its deadline");
    exit?.(1);
  };
  return {
    stopping: controller.signal,
    onStop: (what, end) => {
      pending.push({ what, end });
    },
    untilStopped: () => {
      awaited = true;
      return new Promise((resolve) => {
        if (controller.signal.aborted) resolve();
        else controller.signal.addEventListener("abort", () => resolve(), { once: true });
      });
    },
    stop: (why) => {
      if (controller.signal.aborted) {
        log.error({ why, unfinished: pending.map(({ what }) => what) }, "asked to end a second time; ending now");
        exit?.(1);
        return;
      }
      log.info({ why }, "stopping");
      if (exit !== undefined) setTimeout(overdue, deadlineMs).unref();
      controller.abort(new Error("the service is stopping"));
      // Still starting: nobody waits who would close us by leaving the scope.
      if (!awaited) void close();
    },
    close,
  };
};

/** Ends the service at SIGTERM, SIGINT or when the parent that started it is gone; a bug that nobody caught ends the process. */
export const obeySignals = (lifecycle: Lifecycle, died: (what: string, error: unknown) => void): void => {
  process.on("SIGTERM", () => lifecycle.stop("SIGTERM"));
  process.on("SIGINT", () => lifecycle.stop("SIGINT"));
  // With an IPC channel the kernel tells us of the parent's end, also after kill -9.
  if (process.connected) process.once("disconnect", () => lifecycle.stop("the parent process is gone"));
  process.on("uncaughtException", (error) => died("an exception was caught by nobody", error));
  process.on("unhandledRejection", (error) => died("a rejection was handled by nobody", error));
};
