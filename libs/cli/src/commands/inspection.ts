import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import type { Api } from "../api.ts";
import { action, integerOption, textOption } from "../context.ts";
import type { Endpoint } from "../endpoint.ts";
import { count, jsonText } from "../format.ts";
import { at, itemsOf, textAt } from "../json.ts";
import { withLimit } from "../listing.ts";
import { bold, dim } from "../output.ts";

export const addInspection = (program: Command): void => {
  addHistory(program);
  addState(program);
};

const addHistory = (program: Command): void => {
  withLimit(program.command("history"))
    .description("every event of a contact, a person, a hunt …, and what caused it")
    .argument("<what>", "such as contact:<id>, balance, a whole subject, or an event such as HUNTS:17")
    .option("--state", "also the state after each event")
    .addHelpText(
      "after",
      `\nWhat caused an entry stands at its end, such as HUNTS:17; \`history HUNTS:17\` shows that event and what followed it there.${examples(
        "history contact:Yb3… --state",
        "history run:2026-11-23",
        "history HUNTS:17",
      )}`,
    )
    .action(
      action(async ({ api, endpoint, output, args: [what = ""], options }) => {
        const { isEvent } = await import("../subjects.ts");
        const about = isEvent(what) ? { event: what } : { subject: await subjectFor(what, endpoint) };
        const answer = await historyOf(api(), about, integerOption(options, "limit", 1, 100_000) ?? 100);
        const entries = answer.entries.map((entry) => entryText(entry, options["state"] === true));
        output.result(answer, () => {
          if (entries.length === 0) return "Nothing happened there.";
          const text = [...(isEvent(what) ? [bold(answer.subject ?? what)] : []), ...entries].join("\n");
          return answer.next === undefined ? text : `${text}\n\n${dim(`The first ${entries.length}; there are more: --limit.`)}`;
        });
      }),
    );
};

const pageMost = 500;

/** As much of a history as is wanted, page by page: a page ends also where it would become too large. */
const historyOf = async (api: Api, about: { readonly event: string } | { readonly subject: string }, wanted: number) => {
  const entries: unknown[] = [];
  for (let from: number | undefined; ; ) {
    const query = { ...about, limit: Math.min(pageMost, wanted - entries.length), from };
    const answer = await api.ask(v1.inspection.history, { query });
    entries.push(...itemsOf(answer, "entries"));
    const next = at(answer, "next");
    from = typeof next === "number" ? next : undefined;
    const subject = textAt(answer, "subject");
    if (from === undefined) return { subject, entries };
    if (entries.length >= wanted) return { subject, entries, next: from };
  }
};

const addState = (program: Command): void => {
  program
    .command("state")
    .description("what its events add up to")
    .argument("<what>", "such as contact:<id>, balance, or a whole subject")
    .option("--at <time>", "as it was then, such as 2026-11-23T10:00:00Z")
    .addHelpText("after", examples("state balance", "state person:Yb3… --at 2026-11-23T10:00:00Z"))
    .action(
      action(async ({ api, endpoint, output, args: [what = ""], options }) => {
        const subject = await subjectFor(what, endpoint);
        const answer = await api().ask(v1.inspection.state, { query: { subject, at: textOption(options, "at") } });
        output.result(answer, () => jsonText(answer, 2));
      }),
    );
};

const examples = (...lines: readonly string[]): string => `
<what> is contact:<id>, person:<id>, hunt:<id>, run:<date>, ad:<id>, import:<id>, line:<id>, balance, account,
or a whole subject such as sms.contact.54.demo.Yb3…

Examples:
${lines.map((line) => `  $ outrider ${line}`).join("\n")}`;

const subjectFor = async (what: string, endpoint: () => Endpoint): Promise<string> => {
  const { accountOfKey, subjectOf } = await import("../subjects.ts");
  return subjectOf(what, () => accountOfKey(endpoint()));
};

/** A page of 500 contacts is 200 KB, of which nobody reads a line. */
const longestText = 1_000;

const readable = (document: unknown): string => {
  const text = jsonText(document);
  return text.length <= longestText ? text : `${text.slice(0, longestText)}… (${count(text.length)} characters; --json tells all)`;
};

const entryText = (entry: unknown, withState: boolean): string => {
  const events = itemsOf(entry, "events").map((event) => `  ${textAt(event, "type")} ${dim(readable(at(event, "data")))}`);
  const head = [at(entry, "seq"), textAt(entry, "at"), textAt(entry, "actor"), textAt(entry, "causation")].filter(
    (part) => part !== undefined,
  );
  return [head.join("  "), ...events, ...(withState ? [`  = ${readable(at(entry, "state"))}`] : [])].join("\n");
};
