import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, flagOption, integerOption, textOption } from "../context.ts";
import { cannotRun } from "../failure.ts";
import { count } from "../format.ts";
import { at, countsAt, itemsOf, numberAt, textAt } from "../json.ts";
import { bad } from "../output.ts";
import type { Column } from "../table.ts";

const chosen: readonly Column[] = [
  ["hunt", "hunt"],
  ["person", "person"],
  ["ad", "ad"],
  ["channel", "channel"],
  ["line", "line"],
];
const denied: readonly Column[] = [
  ["not contacted", "person"],
  ["why", "rule"],
  ["hunt", "hunt"],
  ["ad", "ad"],
];

/** Why a hunt writes to nobody. */
const huntError = (hunt: unknown): readonly string[] => {
  const error = textAt(hunt, "error");
  return error === undefined ? [] : [bad(`Hunt ${textAt(hunt, "hunt")}: ${error}.`)];
};

export const addRuns = (program: Command): void => {
  const runs = program
    .command("runs")
    .description("one account's day, in one or more passes")
    .addHelpText("after", "\nExamples:\n  $ outrider runs dry-run\n  $ outrider runs start --watch\n  $ outrider runs watch 2026-11-23");
  addStart(runs);
  addDryRun(runs);
  addWatch(runs);
  addList(runs);
};

const addStart = (runs: Command): void => {
  runs
    .command("start")
    .description("starts a pass of today's run")
    .option("--date <day>", "refuse to start unless this is the account's today, such as 2026-11-23")
    .option("--watch", "and watches it to its end")
    .addHelpText("after", "\nExample:\n  $ outrider runs start --watch")
    .action(
      action(async ({ api, output, options }) => {
        const gateway = api();
        const date = textOption(options, "date");
        const answer = await gateway.ask(v1.runs.start, { body: { date } });
        const run = textAt(answer, "run") ?? "";
        if (!flagOption(options, "watch")) {
          return output.result(answer, () => `Run ${run}, pass ${numberAt(answer, "pass")} is under way: \`outrider runs watch ${run}\`.`);
        }
        const [{ watchRun }, { runText }] = await Promise.all([import("../journey/run.ts"), import("../journey/run-text.ts")]);
        const progress = await watchRun(gateway, output, run);
        output.result(progress, () => runText(progress));
      }),
    );
};

const addDryRun = (runs: Command): void => {
  runs
    .command("dry-run")
    .description("who would be contacted now, who not and why, and what it would cost; nothing is written")
    .option("--limit <contacts>", "how many contacts and denials to list", "20")
    .addHelpText("after", "\nExamples:\n  $ outrider runs dry-run\n  $ outrider runs dry-run --limit 200 --json")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable, pairsTable } = await import("../table.ts");
        const answer = await api().ask(v1.runs.dryRun, { body: { limit: integerOption(options, "limit", 0, 500) } });
        output.result(answer, () =>
          [
            pairsTable([
              ["found", at(answer, "found")],
              ["would be contacted", at(answer, "allocated")],
              ["credits", `${count(numberAt(answer, "credits"))} of ${count(numberAt(answer, "balance"))}`],
              ...Object.entries(countsAt(answer, "skipped")).map(([rule, n]) => [`skipped: ${rule}`, n] as const),
            ]),
            ...itemsOf(answer, "hunts").flatMap(huntError),
            listTable(chosen, itemsOf(answer, "contacts"), "Nobody would be contacted."),
            ...(itemsOf(answer, "denials").length === 0 ? [] : [listTable(denied, itemsOf(answer, "denials"), "")]),
          ].join("\n\n"),
        );
      }),
    );
};

const addWatch = (runs: Command): void => {
  runs
    .command("watch")
    .description("watches a run to its end")
    .argument("[run]", "such as 2026-11-23 (default: the latest)")
    .addHelpText("after", "\nExamples:\n  $ outrider runs watch\n  $ outrider runs watch 2026-11-23")
    .action(
      action(async ({ api, output, args: [told = ""] }) => {
        const gateway = api();
        const run = told === "" ? textAt(itemsOf(await gateway.ask(v1.runs.list, { query: { limit: 1 } }))[0], "run") : told;
        if (run === undefined) throw cannotRun("There is no run yet: `outrider runs start`.");
        const [{ watchRun }, { runText }] = await Promise.all([import("../journey/run.ts"), import("../journey/run-text.ts")]);
        const progress = await watchRun(gateway, output, run);
        output.result(progress, () => runText(progress));
      }),
    );
};

const addList = (runs: Command): void => {
  runs
    .command("list", { isDefault: true })
    .description("runs, the latest first")
    .addHelpText("after", "\nExample:\n  $ outrider runs list")
    .action(
      action(async ({ api, output }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().ask(v1.runs.list);
        const sum = (name: string) => (row: unknown) =>
          itemsOf(row, "passes").reduce((total: number, pass) => total + numberAt(pass, name), 0);
        output.result(answer, () =>
          listTable(
            [
              ["run", "run"],
              ["passes", (row) => itemsOf(row, "passes").length],
              ["found", sum("found")],
              ["allocated", sum("allocated")],
              ["changed", "changedAt"],
            ],
            itemsOf(answer),
            "No run yet: `outrider runs start`.",
          ),
        );
      }),
    );
};
