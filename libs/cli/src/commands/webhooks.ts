import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action } from "../context.ts";
import { short } from "../format.ts";
import { textAt } from "../json.ts";
import { listed, moreOf, withLimit } from "../listing.ts";

export const addWebhooks = (program: Command): void => {
  const webhooks = program
    .command("webhooks")
    .description("what the provider tells us")
    .addHelpText("after", "\nExamples:\n  $ outrider webhooks\n  $ outrider webhooks unmatched --json");
  withLimit(webhooks.command("unmatched", { isDefault: true }))
    .description("what it told us of messages that we do not know, the latest first")
    .addHelpText("after", "\nExamples:\n  $ outrider webhooks\n  $ outrider webhooks unmatched --json")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const gateway = api();
        const answer = await listed(options, (page) => gateway.ask(v1.webhooks.unmatched, { query: page }));
        output.result(answer, () => {
          const table = listTable(
            [
              ["at", "at"],
              ["kind", "type"],
              ["event", "event"],
              ["text", (row) => short(textAt(row, "text") ?? "", 80)],
            ],
            answer.items,
            "Everything that the provider told us was about a message of ours.",
          );
          return `${table}${moreOf(answer)}`;
        });
      }),
    );
};
