import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, integerOf, textOption } from "../context.ts";
import { cannotRun } from "../failure.ts";
import { count } from "../format.ts";
import { at, numberAt } from "../json.ts";
import { listed, moreOf, withLimit } from "../listing.ts";

export const addCredits = (program: Command): void => {
  const credits = program
    .command("credits")
    .description("granted, held, spent")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider credits\n  $ outrider credits grant 5000 --account acme\n  $ outrider credits statement",
    );
  addShow(credits);
  addGrant(credits);
  addStatement(credits);
};

const addShow = (credits: Command): void => {
  credits
    .command("show", { isDefault: true })
    .description("the balance")
    .addHelpText("after", "\nExamples:\n  $ outrider credits\n  $ outrider credits show --json")
    .action(
      action(async ({ api, output }) => {
        const { pairsTable } = await import("../table.ts");
        const answer = await api().ask(v1.credits.show);
        const shown = ["granted", "expired", "captured", "refunded", "released", "held", "available"];
        output.result(answer, () => pairsTable(shown.map((name) => [name, Object(answer)[name]])));
      }),
    );
};

const addGrant = (credits: Command): void => {
  credits
    .command("grant")
    .description("gives credits to an account (administrator)")
    .argument("<credits>")
    .option("--note <note>", "why")
    .option("--expires <time>", "when what is left of them expires, such as 2027-01-01T00:00:00Z")
    .option("--grant <id>", "the same id again grants nothing")
    .addHelpText("after", "\nExample:\n  $ outrider credits grant 5000 --account acme --note 'November'")
    .action(
      action(async ({ admin, output, args: [amount = ""], options }) => {
        const body = {
          credits: integerOf(amount, "The number of credits", 1, 1_000_000_000),
          note: textOption(options, "note"),
          expiresAt: textOption(options, "expires"),
          grant: textOption(options, "grant"),
        };
        const gateway = admin();
        const { account } = gateway;
        if (account === undefined) throw cannotRun("Name the account that the credits are for: --account.");
        const answer = await gateway.ask(v1.credits.grant, { body });
        const available = `${count(numberAt(answer, "available"))} credits are available there`;
        if (at(answer, "added") === false)
          return output.result(answer, () => `Nothing is added: ${account} has the grant ${body.grant} already; ${available}.`);
        output.result(answer, () => `Granted to ${account}; ${available}.`);
      }),
    );
};

const addStatement = (credits: Command): void => {
  withLimit(credits.command("statement"))
    .description("every change with its cause")
    .addHelpText("after", "\nExample:\n  $ outrider credits statement")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const gateway = api();
        const answer = await listed(options, (page) => gateway.ask(v1.credits.statement, { query: page }));
        output.result(answer, () => {
          const table = listTable(
            [
              ["at", "at"],
              ["what", "kind"],
              ["credits", "credits"],
              ["captured", "settled.captured.credits"],
              ["released", "settled.released.credits"],
              ["refunded", "settled.refunded.credits"],
              ["for", (row) => Object(row)["reservation"] ?? Object(row)["grant"] ?? Object(row)["note"]],
            ],
            answer.items,
            "No credits yet.",
          );
          return `${table}${moreOf(answer)}`;
        });
      }),
    );
};
