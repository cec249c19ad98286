import type { Command } from "commander";
import { action, oneOf, textOption } from "../context.ts";
import { itemsOf } from "../json.ts";

const marks = ["interested", "not-interested", "wrong-number", "done", "unread"] as const;

export const addReplies = (program: Command): void => {
  const replies = program.command("replies").description("what people wrote back");
  replies
    .command("list", { isDefault: true })
    .description("replies, the latest first")
    .option("--hunt <hunt>", "to one hunt")
    .option("--mark <mark>", marks.join(", "))
    .addHelpText("after", "\nExample:\n  $ outrider replies list --mark unread")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().get("/v1/replies", { hunt: textOption(options, "hunt"), mark: textOption(options, "mark"), limit: 100 });
        output.result(answer, () =>
          listTable(
            [
              ["reply", "inbound"],
              ["at", "at"],
              ["mark", "mark"],
              ["keyword", "keyword"],
              ["person", "person"],
              ["text", (row) => String(Object(row)["text"] ?? "").slice(0, 60)],
            ],
            itemsOf(answer),
            "No such reply.",
          ),
        );
      }),
    );
  replies
    .command("mark")
    .description("marks a reply")
    .argument("<reply>")
    .argument("<as>", marks.join(", "))
    .addHelpText("after", "\nExample:\n  $ outrider replies mark k2f… interested")
    .action(
      action(async ({ api, output, args: [reply = "", as = ""] }) => {
        const mark = oneOf(as, "The mark", marks);
        const answer = await api().post(`/v1/replies/${encodeURIComponent(reply)}/mark`, { as: mark });
        output.result(answer, () => `Reply ${reply}: ${mark}.`);
      }),
    );
  replies
    .command("answer")
    .description("writes back")
    .argument("<reply>")
    .argument("<text>")
    .addHelpText("after", '\nExample:\n  $ outrider replies answer k2f… "Merci, à demain 10 h ?"')
    .action(
      action(async ({ api, output, args: [reply = "", text = ""] }) => {
        const answer = await api().post(`/v1/replies/${encodeURIComponent(reply)}/answer`, { text });
        output.result(answer, () => "The answer is on its way.");
      }),
    );
};
