import type { Command } from "commander";
import { action, oneOf, textOption } from "../context.ts";
import { itemsOf } from "../json.ts";
import type { Column } from "../table.ts";

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
  const contacts = program.command("contacts").description("contacts: one message to one person, and what became of it");
  contacts
    .command("unknown")
    .description("contacts whose message may or may not have left; a person has to say")
    .addHelpText("after", "\nThen:\n  $ outrider contacts resolve CONTACT sent")
    .action(
      action(async ({ api, output }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().get("/v1/contacts", { status: "unknown", limit: 100 });
        output.result(answer, () => listTable(columns, itemsOf(answer), "No contact is unknown."));
      }),
    );
  contacts
    .command("list")
    .description("contacts, the latest first")
    .option("--status <status>", "requested, attempting, accepted, sent, failed, rejected, unknown or gated")
    .option("--hunt <hunt>", "of one hunt")
    .option("--run <run>", "of one run, such as 2026-11-23")
    .option("--person <person>", "of one person")
    .action(
      action(async ({ api, output, options }) => {
        const { listTable } = await import("../table.ts");
        const query = Object.fromEntries(["status", "hunt", "run", "person"].map((name) => [name, textOption(options, name)]));
        const answer = await api().get("/v1/contacts", { ...query, limit: 100 });
        output.result(answer, () => listTable(columns, itemsOf(answer), "No such contact."));
      }),
    );
  contacts
    .command("show")
    .description("one contact")
    .argument("<contact>")
    .action(
      action(async ({ api, output, args: [contact = ""] }) => {
        const answer = await api().get(`/v1/contacts/${encodeURIComponent(contact)}`);
        output.result(answer, () => JSON.stringify(answer, undefined, 2));
      }),
    );
  contacts
    .command("resolve")
    .description("says what an unknown contact was")
    .argument("<contact>")
    .argument("<as>", "sent, not-sent or send-again")
    .addHelpText("after", "\nExample:\n  $ outrider contacts resolve Yb3… not-sent")
    .action(
      action(async ({ api, output, args: [contact = "", as = ""] }) => {
        const said = oneOf(as, "What it was", ["sent", "not-sent", "send-again"]);
        const answer = await api().post(`/v1/contacts/${encodeURIComponent(contact)}/resolve`, { as: said });
        output.result(answer, () => `Contact ${contact}: ${said}.`);
      }),
    );
};
