import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action } from "../context.ts";
import { itemsOf, textAt } from "../json.ts";

export const addWebhooks = (program: Command): void => {
  const webhooks = program.command("webhooks").description("what the provider tells us");
  webhooks
    .command("unmatched", { isDefault: true })
    .description("what it told us of messages that we do not know, the latest first")
    .addHelpText("after", "\nExamples:\n  $ outrider webhooks\n  $ outrider webhooks unmatched --json")
    .action(
      action(async ({ api, output }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().ask(v1.webhooks.unmatched, { query: { limit: 100 } });
        output.result(answer, () =>
          listTable(
            [
              ["at", "at"],
              ["kind", "type"],
              ["event", "event"],
              ["text", (row) => (textAt(row, "text") ?? "").replaceAll(/\s+/g, " ").slice(0, 80)],
            ],
            itemsOf(answer),
            "Everything that the provider told us was about a message of ours.",
          ),
        );
      }),
    );
};
