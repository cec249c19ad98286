import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { unlessDone } from "../api.ts";
import { action, textOption } from "../context.ts";
import { cannotRun, refused } from "../failure.ts";
import { at, itemsOf, textAt } from "../json.ts";
import { listed, moreOf, withLimit } from "../listing.ts";
import { bold } from "../output.ts";
import { addAccountSettings } from "./account-settings.ts";

export const addAccounts = (program: Command): void => {
  const accounts = program
    .command("accounts")
    .description("tenants with keys, providers and a policy of their own")
    .addHelpText(
      "after",
      '\nExamples:\n  $ outrider accounts create acme --name "Acme Autos"\n  $ outrider accounts list\n  $ outrider accounts change --daily-limit 200',
    );
  addCreate(accounts);
  addList(accounts);
  addShow(accounts);
  addConfirmOfferToBuy(accounts);
  addAccountSettings(accounts);
};

const addCreate = (accounts: Command): void => {
  accounts
    .command("create")
    .description("creates an account and prints its API key, once")
    .argument("<account>", "its id: letters, digits, _ and -")
    .option("--name <name>", "as people read it in messages (default: the id)")
    .option("--zone <zone>", "IANA time zone", "Europe/Paris")
    .option("--country <code>", "for numbers without a country code", "FR")
    .addHelpText("after", '\nExample:\n  $ outrider accounts create acme --name "Acme Autos"')
    .action(
      action(async ({ operator, output, args: [account = ""], options }) => {
        if (!/^[A-Za-z0-9_-]{1,64}$/.test(account))
          throw cannotRun(`"${account}" is no account's id: give 1 to 64 letters, digits, _ and -; its name goes to --name.`);
        const body = {
          account,
          name: textOption(options, "name") ?? account,
          timeZone: options["zone"],
          country: textOption(options, "country")?.toUpperCase(),
        };
        const answer = await unlessDone(operator().ask(v1.accounts.create, { body, idempotencyKey: `create-${account}` }));
        const key = textAt(answer, "apiKey");
        if (key === undefined) throw refused(`The account ${account} exists already, and its key was shown when it was created.`);
        output.result(
          answer,
          () => `Account ${bold(account)} is there. Its API key, shown only now:\n\n  ${key}\n\nSet it as OUTRIDER_KEY.`,
        );
      }),
    );
};

const addList = (accounts: Command): void => {
  withLimit(accounts.command("list"))
    .description("all accounts (administrator)")
    .addHelpText("after", "\nExample:\n  $ outrider accounts list")
    .action(
      action(async ({ operator, output, options }) => {
        const { listTable } = await import("../table.ts");
        const gateway = operator();
        const answer = await listed(options, (page) => gateway.ask(v1.accounts.list, { query: page }));
        output.result(answer, () => {
          const table = listTable(
            [
              ["account", "account"],
              ["name", "name"],
              ["time zone", "timeZone"],
              ["country", "country"],
              ["paused", "paused"],
              ["lines", linesOf],
              ["created", "createdAt"],
            ],
            answer.items,
            "No account yet: `outrider accounts create NAME`.",
          );
          return `${table}${moreOf(answer)}`;
        });
      }),
    );
};

const addShow = (accounts: Command): void => {
  accounts
    .command("show")
    .description("the account, its policy, lines and whether it is paused")
    .addHelpText("after", "\nExamples:\n  $ outrider accounts show\n  $ outrider accounts show --account acme     with OUTRIDER_ADMIN_KEY")
    .action(
      action(async ({ api, output }) => {
        const { pairsTable } = await import("../table.ts");
        const answer = await api().ask(v1.accounts.show);
        output.result(answer, () => pairsTable(shownOf(answer)));
      }),
    );
};

const addConfirmOfferToBuy = (accounts: Command): void => {
  accounts
    .command("confirm-offer-to-buy")
    .description("prints the notice about writing to owners with an offer to buy, and confirms it with --by")
    .option("--by <name>", "who has read it and takes it on")
    .addHelpText("after", '\nExample:\n  $ outrider accounts confirm-offer-to-buy --by "Ada Lovelace"')
    .action(
      action(async ({ api, output, options }) => {
        const gateway = api();
        const account = await gateway.ask(v1.accounts.show);
        const notice = textAt(account, "offerToBuyNotice") ?? (await import("@outrider/contact-policy")).offerToBuyNotice;
        const by = textOption(options, "by");
        if (by === undefined) {
          const before = textAt(account, "offerToBuyConfirmed.by");
          const told = before === undefined ? "Confirm with --by NAME." : `Confirmed by ${before}.`;
          return output.result({ notice, confirmed: before !== undefined, by: before }, () => `${notice}\n\n${told}`);
        }
        await gateway.ask(v1.accounts.confirmOfferToBuy, { body: { by, notice } });
        output.result({ notice, confirmed: true, by }, () => `${notice}\n\nConfirmed by ${by}.`);
      }),
    );
};

const linesOf = (answer: unknown): string =>
  itemsOf(answer, "lines")
    .map((line) => `${textAt(line, "line")} (${textAt(line, "provider")})`)
    .join(", ") || "none";

const shownOf = (answer: unknown): readonly (readonly [string, unknown])[] => [
  ["account", at(answer, "account")],
  ["name", at(answer, "name")],
  ["time zone", at(answer, "timeZone")],
  ["country", at(answer, "country")],
  ["paused", at(answer, "paused")],
  ["lines", linesOf(answer)],
  [
    "offer to buy",
    textAt(answer, "offerToBuyConfirmed.by") === undefined ? "not confirmed" : `confirmed by ${textAt(answer, "offerToBuyConfirmed.by")}`,
  ],
  ...itemsOf(answer, "keys").map(
    (key) => ["key", `${textAt(key, "key")} (${textAt(key, "label")}: ${itemsOf(key, "scopes").join(", ")})`] as const,
  ),
  ...Object.entries(Object(at(answer, "policy"))).map(([name, value]) => [name, Array.isArray(value) ? value.join(" ") : value] as const),
];
