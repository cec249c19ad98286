import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, oneOf, textOption } from "../context.ts";
import { at, itemsOf, textAt } from "../json.ts";
import { dim } from "../output.ts";

const marks = ["interested", "not-interested", "wrong-number", "done", "unread"] as const;

export const addReplies = (program: Command): void => {
  const replies = program.command("replies").description("what people wrote back");
  addList(replies);
  addShow(replies);
  addMark(replies);
  addAnswer(replies);
};

const addList = (replies: Command): void => {
  replies
    .command("list", { isDefault: true })
    .description("replies, the latest first")
    .option("--hunt <hunt>", "to one hunt")
    .option("--mark <mark>", marks.join(", "))
    .option("--person <person>", "of one person")
    .addHelpText("after", "\nExample:\n  $ outrider replies list --mark unread")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().ask(v1.replies.list, {
          query: {
            hunt: textOption(options, "hunt"),
            mark: textOption(options, "mark"),
            person: textOption(options, "person"),
            limit: 100,
          },
        });
        output.result(answer, () =>
          listTable(
            [
              ["reply", "inbound"],
              ["at", "at"],
              ["sender", (row) => (at(row, "knownSender") === true ? "known" : "unknown")],
              ["hunt", "hunt"],
              ["contact", "contact"],
              ["ad", (row) => (textAt(row, "adTitle") ?? textAt(row, "ad") ?? "").slice(0, 30)],
              ["mark", "mark"],
              ["keyword", "keyword"],
              ["text", (row) => String(Object(row)["text"] ?? "").slice(0, 60)],
            ],
            itemsOf(answer),
            "No such reply.",
          ),
        );
      }),
    );
};

const addShow = (replies: Command): void => {
  replies
    .command("show")
    .description("one reply: whose, about which ad, and all that was written to and fro")
    .argument("<reply>")
    .addHelpText("after", "\nExample:\n  $ outrider replies show k2f…")
    .action(
      action(async ({ api, output, args: [reply = ""] }) => {
        const { pairsTable } = await import("../table.ts");
        const answer = await api().ask(v1.replies.show, { params: { inbound: reply } });
        output.result(answer, () => `${pairsTable(shownOf(answer))}\n\n${itemsOf(answer, "thread").map(messageText).join("\n")}`);
      }),
    );
};

const addMark = (replies: Command): void => {
  replies
    .command("mark")
    .description("marks a reply")
    .argument("<reply>")
    .argument("<as>", marks.join(", "))
    .addHelpText("after", "\nExample:\n  $ outrider replies mark k2f… interested")
    .action(
      action(async ({ api, output, args: [reply = "", as = ""] }) => {
        const mark = oneOf(as, "The mark", marks);
        const answer = await api().ask(v1.replies.mark, { params: { inbound: reply }, body: { as: mark } });
        output.result(answer, () => `Reply ${reply}: ${mark}.`);
      }),
    );
};

const addAnswer = (replies: Command): void => {
  replies
    .command("answer")
    .description("writes back")
    .argument("<reply>")
    .argument("<text>")
    .addHelpText("after", '\nExample:\n  $ outrider replies answer k2f… "Merci, à demain 10 h ?"')
    .action(
      action(async ({ api, output, args: [reply = "", text = ""] }) => {
        const answer = await api().ask(v1.replies.answer, { params: { inbound: reply }, body: { text } });
        output.result(answer, () => "The answer is on its way.");
      }),
    );
};

const shownOf = (reply: unknown): readonly (readonly [string, unknown])[] => [
  ["reply", at(reply, "inbound")],
  ["mark", at(reply, "mark")],
  ["person", at(reply, "person") ?? "none: the sender's number is nobody's"],
  ["sender", at(reply, "knownSender") === true ? "known" : "unknown before this message"],
  ["hunt", at(reply, "hunt") ?? "none"],
  ["contact", at(reply, "contact") ?? "none"],
  ["ad", at(reply, "ad") === undefined ? "none" : [textAt(reply, "adTitle"), `(${textAt(reply, "ad")})`].join(" ")],
];

const messageText = (message: unknown): string => {
  const ours = at(message, "by") === "us";
  const head = [textAt(message, "at"), ours ? `we (${textAt(message, "status")})` : "they"].join("  ");
  return `${dim(head)}\n  ${(textAt(message, "text") ?? "").replaceAll("\n", "\n  ")}`;
};
