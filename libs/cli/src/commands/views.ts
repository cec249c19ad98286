import { v1 } from "@outrider/contracts/api";
import type { Command } from "commander";
import { action } from "../context.ts";
import { refused } from "../failure.ts";
import { at, itemsOf, numberAt, textAt } from "../json.ts";
import { bad } from "../output.ts";

const example = (line: string): string => `\nExample:\n  $ outrider views ${line}`;

/** Comparing takes as long as folding the stream does; the gateway gives it four minutes. */
const verifyMs = 250_000;

export const addViews = (program: Command): void => {
  const views = program
    .command("views")
    .description("what lists are made of (administrator)")
    .addHelpText("after", "\nExamples:\n  $ outrider views\n  $ outrider views rebuild contacts\n  $ outrider views verify contacts");
  addList(views);
  addRebuild(views);
  addVerify(views);
};

const addList = (views: Command): void => {
  views
    .command("list", { isDefault: true })
    .description("all of them, and how far each is")
    .addHelpText("after", example("list"))
    .action(
      action(async ({ operator, output }) => {
        const { listTable } = await import("../table.ts");
        const answer = await operator().ask(v1.views.list);
        output.result(answer, () => {
          const table = listTable(
            [
              ["view", "view"],
              ["stream", "stream"],
              ["up to", "seq"],
              ["behind", behind],
              ["build", "build"],
              ["building", "building"],
              ["degraded", degradedAt],
            ],
            itemsOf(answer, "views"),
            "No read models.",
          );
          return [table, ...standstills(answer)].join("\n");
        });
      }),
    );
};

/** Messages of the stream that are not in its documents yet. */
const behind = (view: unknown): number | undefined => {
  const head = at(view, "head");
  return typeof head === "number" ? Math.max(0, head - numberAt(view, "seq")) : undefined;
};

const degradedAt = (view: unknown): string | undefined => {
  const why = textAt(view, "degraded.reason");
  return why === undefined ? undefined : `${textAt(view, "stream")}:${numberAt(view, "degraded.seq")} ${why}`;
};

/** One line per stream whose reader cannot go on. */
const standstills = (answer: unknown): readonly string[] => {
  const told = itemsOf(answer, "views").flatMap((view) => {
    const why = textAt(view, "stuck");
    return why === undefined ? [] : [`${bad("✗")} ${textAt(view, "stream")} is not read on: ${why}.`];
  });
  return [...new Set(told)];
};

const addRebuild = (views: Command): void => {
  views
    .command("rebuild")
    .description("builds one anew beside the one that serves, then swaps")
    .argument("<view>", "as `views list` names it")
    .addHelpText("after", example("rebuild contacts"))
    .action(
      action(async ({ operator, output, args: [view = ""] }) => {
        const answer = await operator().ask(v1.views.rebuild, { params: { view } });
        output.result(
          answer,
          () => `${view} is being built as ${textAt(answer, "collection")}; \`outrider views list\` tells when it is done.`,
        );
      }),
    );
};

const addVerify = (views: Command): void => {
  views
    .command("verify")
    .description("compares every document with its stream folded anew; exits 1 when one differs")
    .argument("<view>", "as `views list` names it")
    .addHelpText("after", example("verify contacts"))
    .action(
      action(async ({ operator, output, args: [view = ""] }) => {
        const answer = await operator().ask(v1.views.verify, { params: { view }, timeoutMs: verifyMs });
        const [equal = 0, moved = 0, ...wrong] = ["equal", "moved", "different", "missing", "unexpected"].map((name) =>
          numberAt(answer, name),
        );
        const [different = 0, missing = 0, unexpected = 0] = wrong;
        const said = `${different} different, ${missing} missing, ${unexpected} unexpected`;
        const text = (): string => `${view}: ${equal} equal, ${moved} changed meanwhile, ${said}.`;
        if (different + missing + unexpected === 0) return output.result(answer, text);
        output.found(text);
        const sentence = `${view} is not what its stream says: ${said}; \`outrider views rebuild ${view}\`.`;
        throw refused(sentence, itemsOf(answer, "first").join("\n"), { found: Object(answer) });
      }),
    );
};
