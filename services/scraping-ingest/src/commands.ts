import { ingestCommands } from "@outrider/contracts/ads";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { subjects } from "@outrider/contracts/streams";
import { type CommandHandler, handle, Refusal, type Service } from "@outrider/platform";
import { noCounts } from "./import.ts";
import type { Imports } from "./importing.ts";

type Asking = Pick<Service, "ask" | "clock"> & { readonly live: boolean; readonly sources: readonly string[] };

/** What others ask of the ingest. */
export const commands = (imports: Imports, { ask, clock, live, sources }: Asking): readonly CommandHandler[] => [
  handle(ingestCommands.startImport, async ({ account, import: id, fileName, bytes, source, fictionNumbers }, context) => {
    if (fictionNumbers && live) {
      throw new Refusal("refused", "numbers reserved for fiction are for the sandbox only", "fiction-number-in-live-mode");
    }
    if (!sources.includes(source)) throw new Refusal("invalid-request", `there is no source ${source}; known: ${sources.join(", ")}`);
    const { commandId, correlation, causation, actor, traceparent, deadlineAt } = context;
    const { country } = await ask(registryCommands.account, { account }, { correlation, traceparent, deadline: deadlineAt });
    const named = fileName === undefined ? {} : { fileName };
    const { revision } = await imports.execute(
      subjects.import(account, id),
      { kind: "start", import: id, source, format: "csv", bytes, ...named, defaultCountry: country, fictionNumbers },
      { commandId, at: clock.now(), correlation, causation, actor, traceparent, deadline: performance.now() + (deadlineAt - Date.now()) },
    );
    return { import: id, seq: revision };
  }),
  handle(ingestCommands.import, async ({ account, import: id }) => {
    const { state, revision } = await imports.fold(subjects.import(account, id));
    if (state.status === "unknown") return { status: state.status, counts: noCounts, bytes: 0, seq: revision };
    const { status, counts, order } = state;
    const reason = state.status === "failed" ? { reason: state.reason } : {};
    return { status, counts, ...reason, bytes: order.bytes, seq: revision };
  }),
];
