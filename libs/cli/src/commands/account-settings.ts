import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, integerOf, integerOption, type Options, oneOf, textOption } from "../context.ts";
import { cannotRun, refused } from "../failure.ts";
import { textAt } from "../json.ts";

const most = 1_000_000_000;
const scopes = ["read", "write", "admin"] as const;

/** What an account may be told after it was created: its policy and its keys. */
export const addAccountSettings = (accounts: Command): void => {
  addChange(accounts);
  addKeys(accounts);
};

const addChange = (accounts: Command): void => {
  accounts
    .command("change")
    .description("changes the account's policy; what is not named stays")
    .option("--daily-limit <contacts>", "contacts a day, or none for no limit")
    .option("--recontact-after <days>", "days before another hunt may write to the same person")
    .option("--daily-run <cron>", "when the day's first pass begins, in the account's zone, such as '0 9 * * *'")
    .option("--no-daily-run", "runs are started by hand alone")
    .option("--weekdays <days>", "on which it runs, 1 (Monday) to 7, such as 1,2,3,4,5")
    .option("--low-balance <credits>", "below which the balance is low, or none")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider accounts change --daily-limit 200 --daily-run '30 9 * * *'\n  $ outrider accounts change --no-daily-run",
    )
    .action(
      action(async ({ api, output, options }) => {
        const change = changeOf(options);
        if (Object.values(change).every((value) => value === undefined))
          throw cannotRun("Name what to change; `--help` shows what is possible.");
        const answer = await api().ask(v1.accounts.changePolicy, { body: change });
        output.result(answer, () => "The account's policy is changed: `outrider accounts show`.");
      }),
    );
};

/** Undefined for what was not said; commander says `true` for a `--no-` option that was not. */
const changeOf = (options: Options) => {
  const dailyRun = options["dailyRun"];
  const weekdays = textOption(options, "weekdays");
  return {
    dailyLimit: numberOrNone(options, "dailyLimit", "--daily-limit"),
    recontactAfterDays: integerOption(options, "recontactAfter", 0, 3650),
    dailyRunCron: typeof dailyRun === "string" ? dailyRun : undefined,
    dailyRunEnabled: dailyRun === false ? false : typeof dailyRun === "string" ? true : undefined,
    runWeekdays: weekdays?.split(",").map((day) => integerOf(day.trim(), "A weekday", 1, 7)),
    lowBalanceBelow: numberOrNone(options, "lowBalance", "--low-balance"),
  };
};

const numberOrNone = (options: Options, name: string, option: string): number | null | undefined => {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  return text === "none" ? null : integerOf(text, option, 0, most);
};

const addKeys = (accounts: Command): void => {
  accounts
    .command("add-key")
    .description("makes another API key and prints it, once")
    .argument("<label>", "whose it is, or what for")
    .option("--scopes <scopes>", `what it may do: ${scopes.join(", ")}, each with those before it`, "write")
    .addHelpText("after", "\nExample:\n  $ outrider accounts add-key dashboard --scopes read")
    .action(
      action(async ({ api, output, args: [label = ""], options }) => {
        const wanted = (textOption(options, "scopes") ?? "").split(",").map((scope) => oneOf(scope.trim(), "A scope", scopes));
        const answer = await api().ask(v1.accounts.addKey, { body: { label, scopes: wanted } });
        const key = textAt(answer, "apiKey");
        if (key === undefined) throw refused("The gateway did not tell the key.");
        output.result(answer, () => `Key ${textAt(answer, "key")} is there, shown only now:\n\n  ${key}`);
      }),
    );
  accounts
    .command("revoke-key")
    .description("lets a key open nothing any more, within seconds")
    .argument("<key>", "its id, as `accounts show` names it")
    .addHelpText("after", "\nExample:\n  $ outrider accounts revoke-key Yb3…")
    .action(
      action(async ({ api, output, args: [key = ""] }) => {
        const answer = await api().ask(v1.accounts.revokeKey, { params: { key } });
        output.result(answer, () => `Key ${key} is revoked.`);
      }),
    );
};
