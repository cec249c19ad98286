import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addAccounts } from "./commands/accounts.ts";
import { addAds } from "./commands/ads.ts";
import { addContacts } from "./commands/contacts.ts";
import { addCredits } from "./commands/credits.ts";
import { addDead } from "./commands/dead.ts";
import { addHunts } from "./commands/hunts.ts";
import { addInspection } from "./commands/inspection.ts";
import { addPausing } from "./commands/pausing.ts";
import { addPeople } from "./commands/people.ts";
import { addReplies } from "./commands/replies.ts";
import { addRuns } from "./commands/runs.ts";
import { addSms } from "./commands/sms.ts";
import { addStack } from "./commands/stack.ts";
import { addViews } from "./commands/views.ts";
import { addWebhooks } from "./commands/webhooks.ts";
import { documentOf, endingOf, sentenceOf } from "./failure.ts";
import { bad } from "./output.ts";

const { version }: { readonly version: string } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** `npm start -- --once …` calls `up --once …`: the same as `once …`. */
export const withOnce = (argv: readonly string[]): readonly string[] => {
  if (argv[0] !== "up" || !argv.includes("--once")) return argv;
  return ["once", ...argv.slice(1).filter((word) => word !== "--once")];
};

export const programOf = (): Command => {
  const program = new Command("outrider")
    .description("Contacts the owners of classified ads: lawfully, within limits and credits, at most once.")
    .version(version, "-V, --version", "the release of this command")
    .option("--json", "one JSON document as the last line of standard output")
    .option("--url <address>", "the gateway (default: OUTRIDER_URL, else what runs here)")
    .option("--account <id>", "whose account, with an administrator's key")
    .option("--verbose", "with an error, also its details")
    .showHelpAfterError(false)
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText(
      "after",
      `
Examples:
  $ outrider once                              from a file of ads to settled credits, then ends
  $ outrider up                                the same, and keeps serving
  $ outrider hunts list
  $ outrider people why +33639980001
  $ outrider runs start --watch --json

Exit codes: 0 done; 1 refused, failed, or a check does not hold; 2 cannot run (a missing tool, bad input, nothing running).`,
    );
  for (const add of [
    addStack,
    addAccounts,
    addSms,
    addHunts,
    addAds,
    addRuns,
    addContacts,
    addReplies,
    addWebhooks,
    addPeople,
    addCredits,
    addPausing,
    addInspection,
    addDead,
    addViews,
  ]) {
    add(program);
  }
  quiet(program);
  return program;
};

/**
 * A group with a default command hands it whatever word is no subcommand, and that one says "too many arguments". So the word is told before
 * anything is carried out, by a group of the same names without a default: in Commander's own words, with what is nearest.
 */
const refuseUnknownSubcommand = (words: readonly string[]): void => {
  const program = programOf();
  const [name, word] = program.parseOptions([...words]).operands;
  const group = program.commands.find((one) => one.name() === name);
  if (group === undefined || group.commands.length === 0 || word === undefined) return;
  const known = group.createHelp().visibleCommands(group);
  if (known.some((one) => one.name() === word || one.aliases().includes(word))) return;
  const strict = new Command(group.name());
  for (const one of known) if (one.name() !== "help") strict.command(one.name());
  quiet(strict);
  strict.parse([word], { from: "user" });
};

/** Commander throws instead of ending the process, and leaves the one sentence to us. */
const quiet = (command: Command): void => {
  command.exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  for (const sub of command.commands) quiet(sub);
};

/** Answers the exit code. `argv` without node and script. */
export const runCommandLine = async (argv: readonly string[]): Promise<number> => {
  const words = withOnce(argv);
  try {
    const program = programOf();
    if (words.length === 0) {
      process.stdout.write(program.helpInformation());
      return 2;
    }
    refuseUnknownSubcommand(words);
    await program.parseAsync([...words], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return saidByCommander(error, words.includes("--json"));
    const { sentence, exitCode, detail } = endingOf(error);
    process.stderr.write(`${bad("✗")} ${sentence}\n`);
    if (detail !== "" && words.includes("--verbose")) process.stderr.write(`${detail}\n`);
    // The last line also where both outputs go to one place.
    if (words.includes("--json")) process.stdout.write(`${JSON.stringify(documentOf(error))}\n`);
    return exitCode;
  }
};

const saidByCommander = (error: CommanderError, json: boolean): number => {
  if (error.exitCode === 0) return 0;
  const told = error.message.replace(/^error: /, "").replace(/\n/g, " ");
  // A group without a subcommand has printed its help.
  const isGroup = error.code === "commander.help";
  const sentence = isGroup ? "A subcommand is needed; `--help` lists them." : `${sentenceOf(told)} \`--help\` shows what is possible.`;
  process.stderr.write(`${bad("✗")} ${sentence}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ error: sentence, exitCode: 2 })}\n`);
  return 2;
};
