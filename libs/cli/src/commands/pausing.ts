import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, flagOption, textOption } from "../context.ts";

export const addPausing = (program: Command): void => {
  for (const verb of ["pause", "resume"] as const) {
    program
      .command(verb)
      .description(verb === "pause" ? "stops the account's sending within a second" : "lets the account send again")
      .option("--hunt <hunt>", "one hunt only")
      .option("--everything", "all accounts (administrator)")
      .addHelpText("after", `\nExamples:\n  $ outrider ${verb}\n  $ outrider ${verb} --hunt HUNT`)
      .action(
        action(async ({ api, operator, output, options }) => {
          const hunt = textOption(options, "hunt");
          const everything = flagOption(options, "everything");
          const gateway = everything ? operator() : api();
          const answer = await (hunt === undefined
            ? gateway.ask(everything ? v1.system[verb] : v1.accounts[verb])
            : gateway.ask(v1.hunts[verb], { params: { hunt } }));
          const what = hunt !== undefined ? `Hunt ${hunt}` : everything ? "Everything" : "The account";
          output.result(answer, () => `${what} is ${verb === "pause" ? "paused" : "running again"}.`);
        }),
      );
  }
};
