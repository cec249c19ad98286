import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { checkFile } from "../ads-file.ts";
import { action, flagOption, textOption } from "../context.ts";
import { short } from "../format.ts";
import { textAt } from "../json.ts";
import { listed, moreOf, withLimit } from "../listing.ts";

export const addAds = (program: Command): void => {
  const ads = program
    .command("ads")
    .description("what was found in files of ads")
    .addHelpText("after", "\nExamples:\n  $ outrider ads import ads.csv\n  $ outrider ads list --json");
  addImport(ads);
  addList(ads);
};

const addImport = (ads: Command): void => {
  ads
    .command("import")
    .description("imports a CSV file of ads and waits until it is read")
    .argument("<file>", "CSV with headers that Outrider knows")
    .option("--source <name>", "where the ads are from, when the file does not say")
    .option("--fiction-numbers", "gives ads without a number one that is reserved for fiction (sandbox only)")
    .addHelpText("after", "\nExample:\n  $ outrider ads import ads.csv --source leboncoin")
    .action(
      action(async ({ api, output, args: [path = ""], options }) => {
        const file = checkFile(path);
        const [{ importFile }, { pairsTable }] = await Promise.all([import("../journey/import.ts"), import("../table.ts")]);
        const imported = await importFile(api(), output, file, {
          source: textOption(options, "source"),
          fictionNumbers: flagOption(options, "fictionNumbers"),
        });
        output.result(imported, () => pairsTable(Object.entries(imported.counts)));
      }),
    );
};

const addList = (ads: Command): void => {
  withLimit(ads.command("list", { isDefault: true }), 50)
    .description("ads that were found, in no order of time")
    .addHelpText("after", "\nExample:\n  $ outrider ads list --json")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const gateway = api();
        const answer = await listed(options, (page) => gateway.ask(v1.ads.list, { query: page }));
        output.result(answer, () => {
          const table = listTable(
            [
              ["ad", "ad"],
              ["title", (row) => short(textAt(row, "title") ?? "", 50)],
              ["price", "price"],
              ["year", (row) => String(Object(row)["year"] ?? "")],
              ["owner", "ownerType"],
              ["published", "publishedAt"],
            ],
            answer.items,
            "No ad yet: `outrider ads import FILE.csv`.",
          );
          return `${table}${moreOf(answer)}`;
        });
      }),
    );
};
