import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, oneOf, textOption } from "../context.ts";
import { inLines, short } from "../format.ts";
import { at, itemsOf, textAt } from "../json.ts";
import { listed, moreOf, withLimit } from "../listing.ts";
import { dim } from "../output.ts";
import { personOf } from "./people.ts";

const marks = ["interested", "not-interested", "wrong-number", "done", "unread"] as const;

export const addReplies = (program: Command): void => {
  const replies = program
    .command("replies")
    .description("what people wrote back")
    .addHelpText("after", "\nExamples:\n  $ outrider replies list --mark unread\n  $ outrider replies show k2f…");
  addList(replies);
  addShow(replies);
  addMark(replies);
  addAnswer(replies);
};

const addList = (replies: Command): void => {
  withLimit(replies.command("list", { isDefault: true }))
    .description("replies, the latest first")
    .option("--hunt <hunt>", "to one hunt")
    .option("--mark <mark>", marks.join(", "))
    .option("--person <person>", "of one person, by number or id")
    .addHelpText("after", "\nExample:\n  $ outrider replies list --mark unread")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const gateway = api();
        const who = textOption(options, "person");
        const wanted = {
          hunt: textOption(options, "hunt"),
          mark: textOption(options, "mark"),
          person: who === undefined ? undefined : await personOf(gateway, who),
        };
        const nothing = Object.values(wanted).some((value) => value !== undefined) ? "No such reply." : "Nobody has written yet.";
        const answer = await listed(options, (page) => gateway.ask(v1.replies.list, { query: { ...wanted, ...page } }));
        output.result(answer, () => {
          const table = listTable(
            [
              ["reply", "inbound"],
              ["at", "at"],
              ["sender", (row) => (at(row, "knownSender") === true ? "known" : "unknown")],
              ["hunt", "hunt"],
              ["contact", "contact"],
              ["ad", (row) => short(textAt(row, "adTitle") ?? textAt(row, "ad") ?? "", 30)],
              ["mark", "mark"],
              ["keyword", "keyword"],
              ["text", (row) => short(textAt(row, "text") ?? "", 60)],
            ],
            answer.items,
            nothing,
          );
          return `${table}${moreOf(answer)}`;
        });
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
  return `${dim(head)}\n  ${inLines(textAt(message, "text") ?? "").join("\n  ")}`;
};
