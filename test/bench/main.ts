import { append } from "./append.ts";
import type { Bench, Measured } from "./bench.ts";
import { consumeFold } from "./consume-fold.ts";
import { idle } from "./idle.ts";
import { importFiles } from "./import.ts";
import { busyWarning, inWords, machineFacts } from "./machine.ts";
import { type Asked, askedBy } from "./options.ts";
import { pipeline } from "./pipeline.ts";
import { project } from "./project.ts";
import { reportText } from "./report.ts";

const benches: readonly Bench[] = [append, consumeFold, project, pipeline, importFiles, idle];

const help = `npm run bench [-- NAME… ] [--json]

${benches.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join("\n")}

  --messages N   of one round of append and consumeFold (40000)     --rounds N    of the comparisons (5)
  --projected N  contacts of project (10000)                        --rows N      of import (100000)
  --contacts N   of pipeline (10000), over --accounts N (1)         --requests N  of idle (200)
  --long         pipeline also with 100000 contacts over 10 accounts
  --without A,B  pipeline without these services (projector and scheduler can be spared)
  --profile DIR  pipeline with a CPU profile of each service in that folder
  --json         the last line is all figures as JSON`;

const tell = (line: string): void => void process.stderr.write(`… ${line}\n`);

const run = async ({ names, json, sizes }: Asked): Promise<void> => {
  const machine = await machineFacts();
  console.log(inWords(machine).join("\n"));
  const warning = busyWarning(machine);
  if (warning !== undefined) console.log(warning);
  const figures: Record<string, Measured["figures"]> = {};
  for (const bench of benches.filter(({ name }) => names.includes(name))) {
    const measured = await bench.run(sizes, (line) => tell(`${bench.name}: ${line}`));
    console.log(`\n${bench.name}: ${bench.about}\n${reportText(measured)}`);
    figures[bench.name] = measured.figures;
  }
  if (json) console.log(JSON.stringify(figures));
};

try {
  const asked = askedBy(process.argv.slice(2), benches);
  if (asked.help) console.log(help);
  else await run(asked);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof TypeError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exitCode = 1;
}
