import { ingestCommands } from "@outrider/contracts/ads";
import { type AccountId, importId } from "@outrider/contracts/ids";
import { eventually, openTenant, openWorld, rowsOf, type World } from "../world.ts";
import type { Bench } from "./bench.ts";
import { adminOf } from "./http.ts";
import { countCosts, peakRssOf, rssOf, totalCpuMs, untilQuiet } from "./processes.ts";
import { rounded } from "./rounds.ts";

const goalRowsPerSecond = 10_000;
const importMs = 900_000;

interface Imported {
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly beforeMb: number | undefined;
  readonly peakMb: number | undefined;
  readonly afterMb: number | undefined;
  /** Over all processes, until nothing works on the file any more. */
  readonly cpuMicrosPerRow: number | undefined;
}

/** From the first byte of the upload until the importer says that it has finished. */
const imported = async (world: World, account: AccountId, file: Buffer, rows: number): Promise<Imported> => {
  const { processes } = world.outrider;
  const ingest = processes().find(({ name }) => name === "scraping-ingest");
  if (ingest === undefined) throw new Error("the importer does not run");
  await untilQuiet(processes);
  const beforeMb = rssOf(ingest.pid);
  const costs = countCosts(processes);
  const began = performance.now();
  const answer = await adminOf(world, account).upload("/v1/imports?source=file&fileName=bench.csv", file);
  const id = importId.parse(answer["import"]);
  const counts = await eventually(
    "the import has finished",
    async () => {
      const { status, counts: seen, reason } = await world.ask(ingestCommands.import, { account, import: id });
      if (status === "failed") throw new Error(`the import failed: ${reason}`);
      return status === "finished" ? seen : undefined;
    },
    importMs,
  );
  const seconds = (performance.now() - began) / 1000;
  const peakMb = peakRssOf(ingest.pid);
  await untilQuiet(processes, importMs);
  const cpuMs = totalCpuMs(costs());
  return {
    ...{ seconds, rowsPerSecond: rows / seconds, counts, beforeMb, peakMb, afterMb: rssOf(ingest.pid) },
    cpuMicrosPerRow: cpuMs === undefined ? undefined : (cpuMs * 1000) / rows,
  };
};

const figuresOf = ({ seconds, rowsPerSecond, counts, beforeMb, peakMb, afterMb, cpuMicrosPerRow }: Imported) => ({
  ...{
    seconds: rounded(seconds, 2),
    rowsPerSecond: Math.round(rowsPerSecond),
    counts,
    ingestMb: { before: beforeMb, peak: peakMb, after: afterMb },
  },
  cpuMicrosPerRow: cpuMicrosPerRow === undefined ? undefined : Math.round(cpuMicrosPerRow),
});

const rowOf = (what: string, { rowsPerSecond, seconds, beforeMb, peakMb, afterMb, cpuMicrosPerRow }: Imported) => [
  ...[what, rowsPerSecond, seconds, cpuMicrosPerRow, beforeMb, peakMb, afterMb],
];

export const importFiles: Bench = {
  name: "import",
  about: "a CSV file by HTTP upload until the importer has finished, and the same file again",
  run: async ({ rows }, tell) => {
    await using world = await openWorld();
    const { account } = await openTenant(world, { name: "bench", credits: 1, hunts: [] });
    const file = rowsOf(rows);
    tell(`a file of ${rows} rows`);
    const first = await imported(world, account, file, rows);
    tell(`${Math.round(first.rowsPerSecond)} rows/s; the same file again`);
    const again = await imported(world, account, file, rows);
    if (again.counts["new"] !== 0) throw new Error("the same file again brought new ads");
    const ratio = rounded(again.rowsPerSecond / first.rowsPerSecond);
    const reached = first.rowsPerSecond >= goalRowsPerSecond ? "reached" : "missed";
    return {
      figures: { rows, bytes: file.length, ...figuresOf(first), again: figuresOf(again), ratio },
      tables: [
        {
          title: `${rows} rows, ${(file.length / 2 ** 20).toFixed(1)} MB; memory is the importer's`,
          head: ["", "rows/s", "s", "CPU µs a row (all processes)", "MB before", "MB peak", "MB after"],
          rows: [rowOf("first time", first), rowOf("again", again)],
        },
      ],
      notes: [
        `rate: ${Math.round(first.rowsPerSecond)} rows/s (goal ≥ ${goalRowsPerSecond}: ${reached})`,
        `again / first: ${ratio.toFixed(2)} (goal ≥ 1: ${ratio >= 1 ? "reached" : "missed"})`,
      ],
    };
  },
};
