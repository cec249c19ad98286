import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { checkFile } from "../ads-file.ts";
import { action, flagOption, textOption } from "../context.ts";
import { itemsOf } from "../json.ts";

export const addAds = (program: Command): void => {
  const ads = program.command("ads").description("what was found, from files or scrapers");
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
  ads
    .command("list", { isDefault: true })
    .description("the ads that were found last")
    .addHelpText("after", "\nExample:\n  $ outrider ads list --json")
    .action(
      action(async ({ api, output }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().ask(v1.ads.list, { query: { limit: 50 } });
        output.result(answer, () =>
          listTable(
            [
              ["ad", "ad"],
              ["title", (row) => String(Object(row)["title"] ?? "").slice(0, 50)],
              ["price", "price"],
              ["year", (row) => String(Object(row)["year"] ?? "")],
              ["owner", "ownerType"],
              ["published", "publishedAt"],
            ],
            itemsOf(answer),
            "No ad yet: `outrider ads import FILE.csv`.",
          ),
        );
      }),
    );
};
