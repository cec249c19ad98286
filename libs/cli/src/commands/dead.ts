import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, integerOf, textOption } from "../context.ts";
import { refused } from "../failure.ts";
import { jsonText } from "../format.ts";
import { at, itemsOf } from "../json.ts";
import { bad } from "../output.ts";

export const addDead = (program: Command): void => {
  const dead = program
    .command("dead")
    .description("messages that no handler could digest (administrator)")
    .addHelpText("after", "\nExamples:\n  $ outrider dead\n  $ outrider dead show sms-sender 12\n  $ outrider dead retry sms-sender 12");
  addList(dead);
  addShow(dead);
  addRetry(dead);
  addDrop(dead);
};

const addList = (dead: Command): void => {
  dead
    .command("list", { isDefault: true })
    .description("all of them")
    .option("--service <service>", "of one service")
    .addHelpText("after", "\nExamples:\n  $ outrider dead\n  $ outrider dead list --service sms-sender")
    .action(
      action(async ({ operator, output, options }) => {
        const { listTable } = await import("../table.ts");
        const answer = await operator().ask(v1.dead.list, { query: { service: textOption(options, "service") } });
        const silent = itemsOf(answer, "unreachable");
        output.result(answer, () => {
          const table = listTable(
            [
              ["seq", "seq"],
              ["service", "service"],
              ["consumer", "consumer"],
              ["subject", "subject"],
              ["reason", "reason"],
            ],
            itemsOf(answer, "letters"),
            silent.length === 0 ? "No dead letters." : "No dead letters of the services that answered.",
          );
          return silent.length === 0
            ? table
            : `${table}\n${bad("✗")} No answer from ${silent.join(", ")}: their letters are not in this list.`;
        });
      }),
    );
};

const addShow = (dead: Command): void => {
  dead
    .command("show")
    .description("one of them")
    .argument("<service>")
    .argument("<seq>")
    .addHelpText("after", "\nExample:\n  $ outrider dead show sms-sender 12")
    .action(
      action(async ({ operator, output, args: [service = "", seq = ""] }) => {
        const answer = await operator().ask(v1.dead.show, { params: letterAt(service, seq) });
        output.result(answer, () => jsonText(answer, 2));
      }),
    );
};

const addRetry = (dead: Command): void => {
  dead
    .command("retry")
    .description("hands it to its handler again")
    .argument("<service>")
    .argument("<seq>")
    .addHelpText("after", "\nExample:\n  $ outrider dead retry sms-sender 12")
    .action(
      action(async ({ operator, output, args: [service = "", seq = ""] }) => {
        const answer = await operator().ask(v1.dead.retry, { params: letterAt(service, seq) });
        output.result(answer, () =>
          at(answer, "retried") === true
            ? "It was handled, and is no dead letter any more."
            : "It could not be handled yet and stays a dead letter: see `outrider dead show`, and try again later.",
        );
      }),
    );
};

const addDrop = (dead: Command): void => {
  dead
    .command("drop")
    .description("forgets it")
    .argument("<service>")
    .argument("<seq>")
    .addHelpText("after", "\nExample:\n  $ outrider dead drop sms-sender 12")
    .action(
      action(async ({ operator, output, args: [service = "", seq = ""] }) => {
        const answer = await operator().ask(v1.dead.drop, { params: letterAt(service, seq) });
        const { dropped = true } = Object(answer);
        if (dropped === false) throw refused(`There is no dead letter ${seq} of ${service}: \`outrider dead list\`.`);
        output.result(answer ?? { dropped }, () => "It is dropped.");
      }),
    );
};

const letterAt = (service: string, seq: string) => ({ service, seq: integerOf(seq, "The letter's number", 1, Number.MAX_SAFE_INTEGER) });
