import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action, integerOption, type Options, textOption } from "../context.ts";
import { cannotRun, refused } from "../failure.ts";
import { at, itemsOf, textAt } from "../json.ts";

const million = 1_000_000;

export const addSms = (program: Command): void => {
  const sms = program
    .command("sms")
    .description("the phones that send SMS")
    .addHelpText("after", "\nExamples:\n  $ outrider sms\n  $ SMSMOBILEAPI_KEY=… outrider sms connect main\n  $ outrider sms test main");
  addConnect(sms);
  addTest(sms);
  addLines(sms);
  addLimits(sms);
  addPauseAndResume(sms);
};

const addConnect = (sms: Command): void => {
  sms
    .command("connect")
    .description("connects a phone by its SMSMobileAPI key")
    .argument("[line]", "the line's id", "main")
    .option("--api-key <key>", "SMSMobileAPI's key (default: SMSMOBILEAPI_KEY)")
    .option("--webhook-secret <secret>", "the secret that SMSMobileAPI signs its webhooks with")
    .option("--min-gap <ms>", "milliseconds between two messages")
    .option("--jitter <ms>", "milliseconds added to the gap at random, at most; default 15000")
    .option("--per-day <people>", "distinct recipients a day")
    .option("--per-month <people>", "distinct recipients a month")
    .addHelpText("after", "\nExample:\n  $ SMSMOBILEAPI_KEY=… outrider sms connect main --min-gap 30000 --per-day 200")
    .action(
      action(async ({ api, output, args: [line = "main"], options }) => {
        const apiKey = textOption(options, "apiKey") ?? process.env["SMSMOBILEAPI_KEY"];
        if (apiKey === undefined || apiKey === "") throw cannotRun("No API key of the provider: give --api-key or set SMSMOBILEAPI_KEY.");
        const limits = {
          minGapMs: integerOption(options, "minGap", 0, 86_400_000),
          jitterMs: integerOption(options, "jitter", 0, 86_400_000),
          recipientsPerDay: integerOption(options, "perDay", 0, million),
          recipientsPerMonth: integerOption(options, "perMonth", 0, million),
        };
        const webhookSecret = textOption(options, "webhookSecret");
        const answer = await api().ask(v1.lines.connect, { body: { line, provider: "smsmobileapi", apiKey, webhookSecret, limits } });
        const online = at(answer, "online") === true ? "its phone is online" : "its phone is offline";
        const unsigned = "\nThey are taken unsigned, whatever was told before: --webhook-secret names the secret that signs them.";
        output.result(
          answer,
          () =>
            `Line ${line} is connected; ${online}.\nHave SMSMobileAPI send its webhooks to ${textAt(answer, "webhookUrl") ?? "?"}` +
            (webhookSecret === undefined ? unsigned : ""),
        );
      }),
    );
};

/** What is wrong with a line's phone, and what to do; undefined when it is online. */
const notOnline = (phone: string | undefined, line: string): string | undefined => {
  switch (phone) {
    case "online":
      return undefined;
    case "offline":
      return `The phone of line ${line} is offline: switch it on and open its app`;
    case "key-refused":
      return `The provider refuses the key of line ${line}: connect it anew with \`outrider sms connect ${line}\``;
    default:
      return `The provider did not say whether the phone of line ${line} is online: try again`;
  }
};

const addTest = (sms: Command): void => {
  sms
    .command("test")
    .description("asks the provider whether the line's phone is online; exits 1 when it is not")
    .argument("[line]", "the line's id", "main")
    .addHelpText("after", "\nExample:\n  $ outrider sms test main")
    .action(
      action(async ({ api, output, args: [line = "main"] }) => {
        const answer = await api().ask(v1.lines.test, { params: { line } });
        const paused = at(answer, "paused") === true ? `the line is paused: \`outrider sms resume ${line}\`` : undefined;
        const wrong = notOnline(textAt(answer, "phone"), line);
        if (wrong !== undefined)
          throw refused(`${[wrong, paused].filter((part) => part !== undefined).join("; ")}.`, "", { found: Object(answer) });
        output.result(answer, () => `Line ${line}: online${paused === undefined ? "" : `, but ${paused}`}.`);
      }),
    );
};

const addLines = (sms: Command): void => {
  sms
    .command("lines", { isDefault: true })
    .description("all lines of the account")
    .addHelpText("after", "\nExamples:\n  $ outrider sms\n  $ outrider sms lines --json")
    .action(
      action(async ({ api, output }) => {
        const { listTable } = await import("../table.ts");
        const answer = await api().ask(v1.lines.list);
        output.result(answer, () =>
          listTable(
            [
              ["line", "line"],
              ["provider", "provider"],
              ["status", "status"],
              ["gap ms", "limits.minGapMs"],
              ["jitter ms", "limits.jitterMs"],
              ["a day", "limits.recipientsPerDay"],
              ["a month", "limits.recipientsPerMonth"],
              ["spread", "limits.spread"],
              ["turns", "turns"],
              ["why", "reason"],
            ],
            itemsOf(answer),
            "No line yet: `outrider sms connect`.",
          ),
        );
      }),
    );
};

/** Only what is named changes. */
const addLimits = (sms: Command): void => {
  sms
    .command("limits")
    .description("changes what a line may send; what is not named stays")
    .argument("<line>", "the line's id")
    .option("--gap-ms <ms>", "milliseconds between two messages")
    .option("--jitter-ms <ms>", "milliseconds added to the gap at random, at most")
    .option("--per-day <people>", "distinct recipients a day, or none for no limit")
    .option("--per-month <people>", "distinct recipients a month, or none for no limit")
    .option("--spread", "spreads the day's messages over its lawful hours; needs a gap and a limit of people")
    .option("--no-spread", "sends as soon as the gap allows")
    .addHelpText(
      "after",
      "\nExamples:\n  $ outrider sms limits main --gap-ms 30000 --per-day 200 --spread\n  $ outrider sms limits main --per-month none --no-spread",
    )
    .action(
      action(async ({ api, output, args: [line = ""], options }) => {
        const change = {
          minGapMs: integerOption(options, "gapMs", 0, 86_400_000),
          jitterMs: integerOption(options, "jitterMs", 0, 86_400_000),
          recipientsPerDay: limitOption(options, "perDay"),
          recipientsPerMonth: limitOption(options, "perMonth"),
          spread: typeof options["spread"] === "boolean" ? options["spread"] : undefined,
        };
        if (Object.values(change).every((value) => value === undefined)) {
          throw cannotRun("Name what to change: --gap-ms, --jitter-ms, --per-day, --per-month, --spread or --no-spread.");
        }
        const answer = await api().ask(v1.lines.changeLimits, { params: { line }, body: change });
        output.result(answer, () => `Line ${line} has its new limits.`);
      }),
    );
};

const addPauseAndResume = (sms: Command): void => {
  for (const verb of ["pause", "resume"] as const) {
    sms
      .command(verb)
      .description(`${verb}s a line`)
      .argument("<line>", "the line's id")
      .addHelpText("after", `\nExample:\n  $ outrider sms ${verb} main`)
      .action(
        action(async ({ api, output, args: [line = ""] }) => {
          const answer = await api().ask(v1.lines[verb], { params: { line } });
          output.result(answer, () => `Line ${line} ${verb}d.`);
        }),
      );
  }
};

/** Null: no limit. */
const limitOption = (options: Options, name: string): number | null | undefined =>
  textOption(options, name) === "none" ? null : integerOption(options, name, 0, million);
