import type { OutriderEvent } from "@outrider/stack";
import type { Output } from "../output.ts";
import { progressOf } from "../progress.ts";

export interface Starting {
  readonly onEvent: (event: OutriderEvent) => void;
  /** All are ready: from now on only what ends is told. */
  readonly ready: () => void;
  /** They will not be: clears what is drawn. */
  readonly failed: () => void;
  /** When the first service was started, of `performance.now()`. */
  readonly standing: () => number | undefined;
}

/** Shows how far the start of these services is, and afterwards which of them ends. */
export const starting = (output: Output, names: readonly string[]): Starting => {
  const progress = progressOf(output, "starting");
  const ready = new Set<string>();
  let standing: number | undefined;
  let serving = false;
  progress.update(0, names.length, "NATS and MongoDB");
  return {
    onEvent: (event) => {
      if (event.kind === "exited") output.say(`  ${event.name} ended (${event.how}) and is started again`);
      if (serving) return;
      if (event.kind === "ready") ready.add(event.name);
      if (event.kind === "started" && names.includes(event.name)) standing ??= performance.now();
      const note = event.kind === "progress" ? event.text : standing === undefined ? "NATS and MongoDB" : "services ready";
      progress.update(ready.size, names.length, note);
    },
    ready: () => {
      serving = true;
      progress.end(`${names.length} services are ready`);
    },
    failed: progress.drop,
    standing: () => standing,
  };
};
