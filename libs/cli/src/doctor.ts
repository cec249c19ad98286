import { diagnose } from "@outrider/stack";
import type { Context } from "./context.ts";
import { cannotRun, refused } from "./failure.ts";
import { bad, dim, good } from "./output.ts";
import { places } from "./places.ts";
import { type Answered, healthOf, servicesIn, whoOf } from "./service-health.ts";

const told = (service: Answered): string => {
  const { ready, reasons, notes } = service;
  const says = [ready ? "ready" : `not ready: ${reasons.join("; ")}`, ...notes].join("; ");
  return `${ready ? good("✓") : bad("✗")} ${"runs".padEnd(8)} ${whoOf(service)} ${says}`;
};

const marks = { fine: good("✓"), later: dim("…"), unsure: dim("?"), wrong: bad("✗") } as const;

/** Prints what was found, and what the services that run here say; fails with 2 when Outrider cannot run before something is done, with 1 when one is not ready. */
export const doctor = async ({ output }: Context): Promise<void> => {
  const findings = await diagnose({ dir: places.data });
  const wrong = findings.filter(({ state }) => state === "wrong");
  const services = await healthOf(servicesIn(places.runFile));
  const notReady = services.filter(({ ready }) => !ready);
  const text = (): string =>
    findings
      .flatMap(({ what, state, says, from, remedy }) => [
        `${marks[state]} ${what.padEnd(8)} ${says}${from === undefined ? "" : dim(`  ${from}`)}`,
        ...(remedy === undefined ? [] : [`  ${" ".repeat(8)} ${state === "wrong" ? "→ " : ""}${remedy}`]),
      ])
      .concat(services.map(told))
      .join("\n");
  const [first] = wrong;
  const document = { ok: first === undefined && notReady.length === 0, findings, services };
  if (first === undefined && notReady.length === 0) return output.result(document, text);
  output.found(text);
  if (first === undefined) {
    const who = notReady.map(whoOf).join(", ");
    throw refused(`${notReady.length} of ${services.length} services that run here are not ready: ${who}.`, "", { found: document });
  }
  throw cannotRun(`Outrider cannot run here yet: ${first.remedy ?? first.says}.`, "", { found: document });
};
