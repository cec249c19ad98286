import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import type { Api } from "../api.ts";
import { action, oneOfOption, textOption } from "../context.ts";
import { cannotRun, refused } from "../failure.ts";
import { jsonText } from "../format.ts";
import { at, itemsOf, textAt } from "../json.ts";

export const addPeople = (program: Command): void => {
  const people = program
    .command("people")
    .description("who is contacted, who must not be, and why (a number or an id names them)")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider people why +33639980001\n  $ outrider people opt-out +33639980001\n  $ outrider people erase +33639980001",
    );
  addWhy(people);
  addFind(people);
  addChoices(people);
  addSayings(people);
  addExport(people);
};

const addWhy = (people: Command): void => {
  people
    .command("why")
    .description("why somebody is or is not contacted, now")
    .argument("<person>", "number or id")
    .addHelpText("after", "\nExample:\n  $ outrider people why +33639980001")
    .action(
      action(async ({ api, output, args: [who = ""] }) => {
        const gateway = api();
        const person = await personOf(gateway, who);
        const answer = await gateway.ask(v1.people.why, { params: { person } });
        const { listTable } = await import("../table.ts");
        output.result(
          answer,
          () => `${verdictOf(answer)}\n\n${listTable(huntColumns, itemsOf(answer, "hunts"), "No active hunt looks at this person.")}`,
        );
      }),
    );
};

const addFind = (people: Command): void => {
  people
    .command("find")
    .description("the id of a number")
    .argument("<number>")
    .addHelpText("after", '\nExample:\n  $ outrider people find "06 39 98 00 01"')
    .action(
      action(async ({ api, output, args: [number = ""] }) => {
        const answer = await api().ask(v1.people.lookUp, { body: { number } });
        output.result(answer, () => `${textAt(answer, "person")} ${at(answer, "known") === true ? "" : "(not known yet)"}`.trim());
      }),
    );
};

/** What is decided about somebody. */
const addChoices = (people: Command): void => {
  for (const [verb, route, what, done] of [
    ["opt-out", v1.people.optOut, "never contact them again", "will not be contacted any more"],
    ["opt-in", v1.people.optIn, "take an opt-out back", "may be contacted again"],
    ["erase", v1.people.erase, "destroy what is personal about them", "is being erased"],
  ] as const) {
    people
      .command(verb)
      .description(what)
      .argument("<person>", "number or id")
      .addHelpText("after", `\nExample:\n  $ outrider people ${verb} +33639980001`)
      .action(
        action(async ({ api, output, args: [who = ""] }) => {
          const gateway = api();
          const person = await personOf(gateway, who, { register: verb === "opt-out" });
          const answer = await gateway.ask(route, { params: { person } });
          output.result({ person, ...Object(answer) }, () => `${person} ${done}.`);
        }),
      );
  }
};

/** What somebody said about being written to. */
const addSayings = (people: Command): void => {
  people
    .command("consent")
    .description("records that somebody agreed to be contacted")
    .argument("<person>", "number or id")
    .requiredOption("--source <source>", "where it was given")
    .option("--basis <basis>", "consent (default) or existing-customer")
    .option("--text <text>", "what was agreed to; kept sealed")
    .option("--at <time>", "when, such as 2026-11-23T10:00:00Z (default: now)")
    .addHelpText("after", '\nExample:\n  $ outrider people consent +33639980001 --source "form on our site"')
    .action(
      action(async ({ api, output, args: [who = ""], options }) => {
        const consent = {
          source: textOption(options, "source"),
          basis: oneOfOption(options, "basis", ["consent", "existing-customer"]),
          text: textOption(options, "text"),
          at: textOption(options, "at"),
        };
        const gateway = api();
        const person = await personOf(gateway, who, { register: true });
        const answer = await gateway.ask(v1.people.addConsent, { params: { person }, body: consent });
        output.result({ person, ...Object(answer) }, () => `It is recorded that ${person} agreed.`);
      }),
    );
  people
    .command("refused")
    .description("records that somebody is not interested: they are left alone for a while (opt-out is for ever)")
    .argument("<person>", "number or id")
    .addHelpText("after", "\nExample:\n  $ outrider people refused +33639980001")
    .action(
      action(async ({ api, output, args: [who = ""] }) => {
        const gateway = api();
        const person = await personOf(gateway, who);
        const answer = await gateway.ask(v1.people.addRefusal, { params: { person } });
        output.result({ person, ...Object(answer) }, () => `It is recorded that ${person} is not interested.`);
      }),
    );
};

const addExport = (people: Command): void => {
  people
    .command("export")
    .description("everything that is known of somebody, as JSON")
    .argument("<person>", "number or id")
    .addHelpText("after", "\nExample:\n  $ outrider people export +33639980001 > person.json")
    .action(
      action(async ({ api, output, args: [who = ""] }) => {
        const gateway = api();
        const answer = await gateway.ask(v1.people.export, { params: { person: await personOf(gateway, who) } });
        output.result(answer, () => jsonText(answer, 2));
      }),
    );
};

const huntColumns = [
  ["hunt", "name"],
  ["now", "verdict"],
  ["rule", "rule"],
  ["what would change it", "remedy"],
  ["last denial", "lastDenial.rule"],
] as const;

const verdictOf = (answer: unknown): string => {
  const of = (path: string): string | undefined => textAt(answer, `person.${path}`) ?? textAt(answer, path);
  const rule = of("verdict.rule");
  const until = of("verdict.until");
  return [`Now: ${of("verdict.kind") ?? "unknown"}`, rule, until && `until ${until}`, of("verdict.remedy")]
    .filter((part) => part)
    .join(" · ");
};

/** As people write numbers; everything else is an id. */
export const isNumber = (who: string): boolean => /^\+?[\d\s().-]{6,}$/.test(who);

/**
 * The id of whom a number or an id names. Numbers are never part of an address, for addresses end up in logs. `register`: what is said of
 * somebody is also kept when no ad of theirs has been seen yet.
 */
export const personOf = async (api: Api, who: string, { register = false }: { readonly register?: boolean } = {}): Promise<string> => {
  if (!isNumber(who)) {
    if (/^\+[\d\s().-]*$/.test(who)) throw cannotRun(`"${who}" is no telephone number, and no person's id.`);
    return who;
  }
  const answer = await api.ask(v1.people.lookUp, { body: { number: who, ...(register ? { register } : {}) } });
  const person = textAt(answer, "person");
  if (person === undefined || (!register && at(answer, "known") === false)) throw refused("Nobody with this number is known.");
  return person;
};
