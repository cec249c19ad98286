import { diagnose } from "@outrider/stack";
import type { Context } from "./context.ts";
import { cannotRun } from "./failure.ts";
import { bad, dim, good } from "./output.ts";
import { places } from "./places.ts";

const marks = { fine: good("✓"), later: dim("…"), unsure: dim("?"), wrong: bad("✗") } as const;

/** Prints what was found; fails with 2 when Outrider cannot run before something is done. */
export const doctor = async ({ output }: Context): Promise<void> => {
  const findings = await diagnose({ dir: places.data });
  const wrong = findings.filter(({ state }) => state === "wrong");
  const text = (): string =>
    findings
      .flatMap(({ what, state, says, from, remedy }) => [
        `${marks[state]} ${what.padEnd(8)} ${says}${from === undefined ? "" : dim(`  ${from}`)}`,
        ...(remedy === undefined ? [] : [`  ${" ".repeat(8)} ${state === "wrong" ? "→ " : ""}${remedy}`]),
      ])
      .join("\n");
  const [first] = wrong;
  const document = { ok: first === undefined, findings };
  if (first === undefined) return output.result(document, text);
  output.found(text);
  throw cannotRun(`Outrider cannot run here yet: ${first.remedy ?? first.says}.`, "", { found: document });
};
