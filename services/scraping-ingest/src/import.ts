import type { ImportCounts, ImportEvent } from "@outrider/contracts/ads";
import type { ImportId } from "@outrider/contracts/ids";
import { accept, type Decider, refuse, unreachable } from "@outrider/eventing/decider";

type Started = Extract<ImportEvent, { type: "ImportStarted" }>["data"];
type Progressed = Extract<ImportEvent, { type: "ImportProgressed" }>["data"];

interface Work {
  readonly order: Started;
  readonly counts: ImportCounts;
  /** Rows of the file that are settled: where a resumed import goes on. */
  readonly nextRow: number;
  readonly startedAt: string;
}

export type ImportState =
  | { readonly status: "unknown" }
  | ({ readonly status: "running" } & Work)
  | ({ readonly status: "finished" } & Work)
  | ({ readonly status: "failed"; readonly reason: string } & Work);

export type ImportCommand =
  | ({ readonly kind: "start" } & Started)
  /** `from`: the `nextRow` that this step went on from. */
  | ({ readonly kind: "progress"; readonly from: number } & Progressed)
  | { readonly kind: "finish"; readonly import: ImportId; readonly from: number; readonly counts: ImportCounts; readonly sources: string[] }
  | { readonly kind: "fail"; readonly reason: string };

/** `overtaken`: another replica has gone further with this import; fold again and go on from there. */
export type ImportRefusal = "unknown-import" | "overtaken";

export const noCounts: ImportCounts = { read: 0, new: 0, changed: 0, duplicate: 0, bad: 0 };

const initial = (): ImportState => ({ status: "unknown" });

const evolve = (state: ImportState, event: ImportEvent, at: string): ImportState => {
  if (event.type === "ImportStarted") return { status: "running", order: event.data, counts: noCounts, nextRow: 0, startedAt: at };
  if (state.status === "unknown") throw new TypeError(`${event.type} before ImportStarted`);
  const { order, startedAt, nextRow } = state;
  switch (event.type) {
    case "ImportProgressed":
      return { status: "running", order, startedAt, counts: event.data.counts, nextRow: event.data.nextRow };
    case "ImportFinished":
      return { status: "finished", order, startedAt, counts: event.data.counts, nextRow };
    case "ImportFailed":
      return { status: "failed", order, startedAt, nextRow, counts: event.data.counts, reason: event.data.reason };
    default:
      return unreachable(event);
  }
};

const decide = (state: ImportState, command: ImportCommand) => {
  if (command.kind === "start") {
    const { kind: _, ...order } = command;
    return state.status === "unknown" ? accept<ImportEvent>({ type: "ImportStarted", data: order }) : accept<ImportEvent>();
  }
  if (state.status === "unknown") return refuse("unknown-import");
  if (state.status !== "running") return accept<ImportEvent>(); // it has ended; whoever comes late has nothing to add
  switch (command.kind) {
    case "progress": {
      if (command.from !== state.nextRow) return refuse("overtaken");
      const { counts, nextRow, nextLine, bad } = command;
      return accept<ImportEvent>({ type: "ImportProgressed", data: { counts, nextRow, nextLine, bad } });
    }
    case "finish":
      if (command.from !== state.nextRow) return refuse("overtaken");
      return accept<ImportEvent>({ type: "ImportFinished", data: { counts: command.counts, sources: command.sources } });
    case "fail":
      return accept<ImportEvent>({ type: "ImportFailed", data: { reason: command.reason, counts: state.counts } });
    default:
      return unreachable(command);
  }
};

/** One file on its way in: started, then steps that follow each other without a gap, then finished or failed. */
export const importRule: Decider<ImportState, ImportCommand, ImportEvent, ImportRefusal> = { initial, evolve, decide };
