import type { DocumentOf } from "@outrider/contracts/documents";
import type { HuntEvent, RunEvent } from "@outrider/contracts/hunts";
import { runId } from "@outrider/contracts/ids";
import { type Body, perAggregate } from "../view.ts";

type Pass = DocumentOf<"runs">["passes"][number];

/** The document with one of its passes changed. */
const inPass = (document: Body<"runs">, pass: number, at: string, change: (pass: Pass) => Pass): Body<"runs"> => ({
  ...document,
  passes: document.passes.map((each) => (each.pass === pass ? change(each) : each)),
  changedAt: at,
});

/** The days of an account, with what each pass found, skipped, allocated and gave back. */
export const runs = perAggregate<"runs", HuntEvent | RunEvent>(
  "runs",
  "hunts.run",
  { version: 1, indexes: [{ account: 1, run: -1 }] },
  (document, event, { id, at }) => {
    if (event.type === "PassOpened") {
      const { pass, by } = event.data;
      const sums = { wanted: 0, held: 0, rest: 0, pages: 0, found: 0, allocated: 0, denials: 0 };
      const opened: Pass = { pass, by, status: "open", openedAt: at, ...sums, skipped: {}, hunts: [] };
      return { run: runId.parse(id), passes: [...(document?.passes ?? []), opened], changedAt: at };
    }
    if (document === undefined) return undefined;
    switch (event.type) {
      case "PassReserved": {
        const { pass, reservation, wanted, held } = event.data;
        return inPass(document, pass, at, (before) => ({ ...before, reservation, wanted, held }));
      }
      case "PageAllocated": {
        const { pass, rows } = event.data;
        return inPass(document, pass, at, (before) => ({ ...before, pages: before.pages + 1, allocated: before.allocated + rows.length }));
      }
      case "DenialsRecorded": {
        const { pass, denials } = event.data;
        return inPass(document, pass, at, (before) => ({ ...before, denials: before.denials + denials.length }));
      }
      case "PassClosed": {
        const { pass, reservation: _, ...tally } = event.data;
        return inPass(document, pass, at, (before) => ({ ...before, ...tally, status: "closed", closedAt: at }));
      }
      default:
        return document; // events of hunts, which have their own view
    }
  },
);
