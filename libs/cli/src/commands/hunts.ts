import { readFileSync } from "node:fs";
import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, flagOption, integerOption, type Options, textOption } from "../context.ts";
import { cannotRun } from "../failure.ts";
import { inLines, jsonText } from "../format.ts";
import { at, itemsOf, numberAt, textAt } from "../json.ts";

const example = `
Examples:
  $ outrider hunts create hunt.json --activate
  $ outrider hunts create --name "Petits budgets" --legal-basis offer-to-buy --price-to 5000 --activate \\
      --template 'Bonjour, votre annonce "{{ ad.title }}" est-elle toujours disponible ? {{ account.name }} (STOP pour refuser)'`;

const done = { activate: "active", pause: "paused", resume: "active again", archive: "archived" } as const;

/** Of the options, `--activate` alone says something that no definition holds. */
const refuseBoth = (options: Options): void => {
  const also = ["name", "template", "legalBasis", "priceFrom", "priceTo", "maxAgeDays", "dailyLimit", "priority"].find(
    (name) => options[name] !== undefined,
  );
  if (also === undefined) return;
  const option = also.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw cannotRun(`Give a file or options, not both: --${option} would not count beside the file.`);
};

export const addHunts = (program: Command): void => {
  const hunts = program
    .command("hunts")
    .description("what to look for, and how to write to its owners")
    .addHelpText("after", "\nExamples:\n  $ outrider hunts\n  $ outrider hunts create hunt.json --activate\n  $ outrider hunts show Yb3…");
  addList(hunts);
  addCreate(hunts);
  addTexts(hunts);
  addShow(hunts);
  addStates(hunts);
};

const addList = (hunts: Command): void => {
  hunts
    .command("list", { isDefault: true })
    .description("all hunts of the account")
    .addHelpText("after", "\nExamples:\n  $ outrider hunts\n  $ outrider hunts list --json")
    .action(
      action(async ({ api, output }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().ask(v1.hunts.list);
        output.result(answer, () =>
          listTable(
            [
              ["hunt", "hunt"],
              ["name", "definition.name"],
              ["status", "status"],
              ["channels", (row) => itemsOf(at(row, "definition.channels")).join(", ")],
              ["priority", "definition.priority"],
              ["a day", "definition.dailyLimit"],
              ["last scan", "lastScanAt"],
            ],
            itemsOf(answer),
            "No hunt yet: `outrider hunts create`.",
          ),
        );
      }),
    );
};

const addCreate = (hunts: Command): void => {
  hunts
    .command("create")
    .description("creates a hunt from a JSON file, from standard input (-), or from options")
    .argument("[file]", "its definition")
    .option("--name <name>", "its name")
    .option("--template <text>", "what to write by SMS (Liquid)")
    .option("--line <line>", "which line sends", "main")
    .option("--legal-basis <basis>", "consent, existing-customer, professional-recipient or offer-to-buy")
    .option("--price-from <price>", "cheapest ad")
    .option("--price-to <price>", "dearest ad")
    .option("--max-age-days <days>", "oldest ad")
    .option("--daily-limit <contacts>", "contacts a day")
    .option("--priority <weight>", "1 (last) to 9 (first)")
    .option("--activate", "and lets it run")
    .addHelpText("after", example)
    .action(
      action(async ({ api, output, args: [file = ""], options }) => {
        if (file !== "") refuseBoth(options);
        const definition = file === "" ? definitionOf(options) : definitionIn(file);
        const answer = await api().ask(v1.hunts.create, { body: { ...definition, activate: flagOption(options, "activate") } });
        output.result(answer, () => `Hunt ${textAt(answer, "hunt")} is there${segmentsOf(answer)}.${warningsOf(answer)}`);
      }),
    );
};

/** What a hunt says: defining it anew, and a look at a template. */
const addTexts = (hunts: Command): void => {
  hunts
    .command("change")
    .description("defines a hunt anew; what the file does not say takes its default")
    .argument("<hunt>")
    .requiredOption("--file <file>", "the whole definition as JSON, or - for standard input")
    .addHelpText("after", "\nExample:\n  $ outrider hunts change Yb3… --file hunt.json")
    .action(
      action(async ({ api, output, args: [hunt = ""], options }) => {
        const definition = definitionIn(textOption(options, "file") ?? "");
        const answer = await api().ask(v1.hunts.change, { params: { hunt }, body: definition });
        output.result(answer, () => `Hunt ${hunt} is changed${segmentsOf(answer)}.${warningsOf(answer)}`);
      }),
    );
  hunts
    .command("preview")
    .description("a template as it would be sent about an ad, or about a sample; nothing is sent")
    .requiredOption("--template <text>", "what to write (Liquid)")
    .option("--ad <ad>", "the id of an ad")
    .addHelpText(
      "after",
      `\nExample:\n  $ outrider hunts preview --template 'Bonjour, "{{ ad.title }}" est-elle disponible ? (STOP pour refuser)'`,
    )
    .action(
      action(async ({ api, output, options }) => {
        const answer = await api().ask(v1.hunts.previewTemplate, {
          body: { template: textOption(options, "template"), ad: textOption(options, "ad") },
        });
        output.result(answer, () => {
          const text = inLines(textAt(answer, "text") ?? "").join("\n");
          const size = `${textAt(answer, "sms.encoding")}, ${numberAt(answer, "sms.characters")} characters`;
          return at(answer, "sms") === undefined ? text : `${text}\n\n${size}${segmentsOf(answer)}`;
        });
      }),
    );
};

const addShow = (hunts: Command): void => {
  hunts
    .command("show")
    .description("one hunt")
    .argument("<hunt>")
    .addHelpText("after", "\nExample:\n  $ outrider hunts show Yb3…")
    .action(
      action(async ({ api, output, args: [hunt = ""] }) => {
        const answer = await api().ask(v1.hunts.show, { params: { hunt } });
        output.result(answer, () => jsonText(answer, 2));
      }),
    );
};

const addStates = (hunts: Command): void => {
  for (const verb of ["activate", "pause", "resume", "archive"] as const) {
    hunts
      .command(verb)
      .description(`${verb}s a hunt`)
      .argument("<hunt>")
      .addHelpText("after", `\nExample:\n  $ outrider hunts ${verb} Yb3…`)
      .action(
        action(async ({ api, output, args: [hunt = ""] }) => {
          const answer = await api().ask(v1.hunts[verb], { params: { hunt } });
          output.result(answer, () => `Hunt ${hunt}: ${done[verb]}.`);
        }),
      );
  }
};

const warningsOf = (answer: unknown): string => {
  const warnings = at(answer, "warnings");
  return Array.isArray(warnings) ? warnings.map((warning) => `\nNote: ${warning}.`).join("") : "";
};

const segmentsOf = (answer: unknown): string => {
  const parts = at(answer, "sms.segments");
  return parts === undefined ? "" : ` (${parts} SMS segment${parts === 1 ? "" : "s"})`;
};

const definitionOf = (options: Options): Record<string, unknown> => {
  const name = textOption(options, "name");
  const template = textOption(options, "template");
  const legalBasis = textOption(options, "legalBasis");
  if (name === undefined || template === undefined || legalBasis === undefined) {
    throw cannotRun("Give the hunt's definition as a JSON file, or at least --name, --template and --legal-basis.");
  }
  return {
    name,
    channels: ["sms"],
    lines: { sms: options["line"] },
    templates: { sms: template },
    legalBasis,
    dailyLimit: integerOption(options, "dailyLimit", 0, 1_000_000),
    priority: integerOption(options, "priority", 1, 9),
    criteria: {
      priceFrom: integerOption(options, "priceFrom", 0, 1_000_000_000),
      priceTo: integerOption(options, "priceTo", 0, 1_000_000_000),
      maxAgeDays: integerOption(options, "maxAgeDays", 1, 36_500),
    },
  };
};

const definitionIn = (file: string): Record<string, unknown> => {
  const text = textIn(file);
  const where = file === "-" ? "Standard input" : file;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch (error) {
    throw cannotRun(`${where} is not JSON (${error instanceof Error ? error.message : String(error)}).`);
  }
  throw cannotRun(`${where} holds no JSON object with a hunt's definition.`);
};

const textIn = (file: string): string => {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") throw cannotRun(`There is no file ${file}.`);
    throw cannotRun(`${file} cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  }
};
