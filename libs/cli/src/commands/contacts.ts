import { v1 } from "@outrider/contracts/api";
import type { LegalBasis, Purpose } from "@outrider/contracts/fields";
import type { Command } from "commander";
import { action, oneOf, oneOfOption, textOption } from "../context.ts";
import { jsonText } from "../format.ts";
import { textAt } from "../json.ts";
import { listed, moreOf, withLimit } from "../listing.ts";
import type { Column } from "../table.ts";
import { isNumber, personOf } from "./people.ts";

const bases = ["consent", "existing-customer", "professional-recipient", "offer-to-buy"] as const satisfies readonly LegalBasis[];
const purposes = ["prospecting", "existing-customer", "appointment", "service"] as const satisfies readonly Purpose[];

const columns: readonly Column[] = [
  ["contact", "contact"],
  ["status", "status"],
  ["why", (row) => Object(row)["rule"] ?? Object(row)["reason"]],
  ["hunt", "hunt"],
  ["person", "person"],
  ["requested", "requestedAt"],
  ["ended", "endedAt"],
];

export const addContacts = (program: Command): void => {
  const contacts = program
    .command("contacts")
    .description("one message to one person, and what became of it")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider contacts unknown\n  $ outrider contacts resolve Yb3… not-sent\n  $ outrider contacts show Yb3…",
    );
  addUnknown(contacts);
  addList(contacts);
  addShow(contacts);
  addSend(contacts);
  addResolve(contacts);
};

const addUnknown = (contacts: Command): void => {
  withLimit(contacts.command("unknown"))
    .description("contacts whose message may or may not have left; a person has to say")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider contacts unknown\n  $ outrider contacts resolve Yb3… sent     says what one of them was",
    )
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const gateway = api();
        const answer = await listed(options, (page) => gateway.ask(v1.contacts.list, { query: { status: "unknown", ...page } }));
        output.result(answer, () => `${listTable(columns, answer.items, "No contact is unknown.")}${moreOf(answer)}`);
      }),
    );
};

const addList = (contacts: Command): void => {
  withLimit(contacts.command("list", { isDefault: true }))
    .description("contacts, the latest first")
    .option("--status <status>", "requested, attempting, accepted, sent, failed, rejected, unknown or gated")
    .option("--hunt <hunt>", "of one hunt")
    .option("--run <run>", "of one run, such as 2026-11-23")
    .option("--person <person>", "of one person, by number or id")
    .addHelpText("after", "\nExamples:\n  $ outrider contacts list --status failed\n  $ outrider contacts list --run 2026-11-23 --json")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const gateway = api();
        const who = textOption(options, "person");
        const wanted = {
          status: textOption(options, "status"),
          hunt: textOption(options, "hunt"),
          run: textOption(options, "run"),
          person: who === undefined ? undefined : await personOf(gateway, who),
        };
        const nothing = Object.values(wanted).some((value) => value !== undefined)
          ? "No such contact."
          : "No contact yet: `outrider runs start`.";
        const answer = await listed(options, (page) => gateway.ask(v1.contacts.list, { query: { ...wanted, ...page } }));
        output.result(answer, () => `${listTable(columns, answer.items, nothing)}${moreOf(answer)}`);
      }),
    );
};

const addShow = (contacts: Command): void => {
  contacts
    .command("show")
    .description("one contact")
    .argument("<contact>")
    .addHelpText("after", "\nExample:\n  $ outrider contacts show Yb3…")
    .action(
      action(async ({ api, output, args: [contact = ""] }) => {
        const answer = await api().ask(v1.contacts.show, { params: { contact } });
        output.result(answer, () => jsonText(answer, 2));
      }),
    );
};

const addSend = (contacts: Command): void => {
  contacts
    .command("send")
    .description("writes to one person, if that is lawful and paid for")
    .argument("<person>", "number or id")
    .argument("<text>")
    .requiredOption("--basis <basis>", `legal basis: ${bases.join(", ")}`)
    .option("--purpose <purpose>", purposes.join(", "), "prospecting")
    .option("--line <line>", "the line that sends (default: the account's first)")
    .option("--key <key>", "repeated with the same key, it is sent once (default: a new one)")
    .addHelpText(
      "after",
      '\nExample:\n  $ outrider contacts send +33639980001 "Bonjour, votre Peugeot est-elle encore à vendre ?" --basis offer-to-buy',
    )
    .action(
      action(async ({ api, output, args: [who = "", text = ""], options }) => {
        const wanted = {
          ...(isNumber(who) ? { number: who } : { person: who }),
          ...{ text, line: textOption(options, "line") },
          purpose: oneOfOption(options, "purpose", purposes),
          legalBasis: oneOfOption(options, "basis", bases),
        };
        const answer = await api().ask(v1.contacts.request, { body: wanted, idempotencyKey: textOption(options, "key") });
        const contact = textAt(answer, "contact");
        output.result(answer, () => `Contact ${contact} is asked for; \`outrider contacts show ${contact}\` tells what becomes of it.`);
      }),
    );
};

const addResolve = (contacts: Command): void => {
  contacts
    .command("resolve")
    .description("says what an unknown contact was")
    .argument("<contact>")
    .argument("<as>", "sent, not-sent or send-again")
    .addHelpText("after", "\nExample:\n  $ outrider contacts resolve Yb3… not-sent")
    .action(
      action(async ({ api, output, args: [contact = "", as = ""] }) => {
        const said = oneOf(as, "What it was", ["sent", "not-sent", "send-again"]);
        const answer = await api().ask(v1.contacts.resolve, { params: { contact }, body: { as: said } });
        output.result(answer, () => `Contact ${contact}: ${said}.`);
      }),
    );
};
