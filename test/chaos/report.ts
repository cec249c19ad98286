import type { CommandDefinition, inspection } from "@outrider/contracts/commands";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { smsCommands } from "@outrider/contracts/sms";
import type { World } from "../world.ts";
import type { BlowLog } from "./blows.ts";
import { type Chronicle, hasEnded } from "./chronicle.ts";
import type { Problem } from "./verdict.ts";

const historiesShown = 3;
const problemsShown = 20;

type History = ReturnType<typeof inspection>["history"];

const ownerOf = (subject: string): History | undefined =>
  subject.startsWith("sms.") ? smsCommands.history : subject.startsWith("ledger.") ? ledgerCommands.history : undefined;

/** What happened to one contact or balance, as its own service tells it. */
const historyOf = async ({ ask }: World, subject: string): Promise<string> => {
  const command: CommandDefinition<{ subject: string; from: number; limit: number }, HistoryReply> | undefined = ownerOf(subject);
  if (command === undefined) return `history of ${subject}: nobody tells it`;
  try {
    const { entries } = await ask(command, { subject, from: 0, limit: 500 }, { timeoutMs: 15_000 });
    const lines = entries
      .slice(-40)
      .map(({ seq, at, causation, events }) => `    ${seq} ${at} because of ${causation ?? "?"}: ${JSON.stringify(events).slice(0, 400)}`);
    return [`history of ${subject}:`, ...lines].join("\n");
  } catch (error) {
    return `history of ${subject}: ${error instanceof Error ? error.message : "cannot be asked"}`;
  }
};

interface HistoryReply {
  readonly entries: readonly {
    readonly seq: number;
    readonly at: string;
    readonly causation?: string | undefined;
    readonly events: readonly { readonly type: string; readonly data: unknown }[];
  }[];
}

/** Contacts that have not ended, as what does not hold: their histories tell where they stand. */
export const unfinished = ({ contacts }: Chronicle): readonly Problem[] =>
  [...contacts.values()]
    .filter((story) => !hasEnded(story))
    .map(({ status, subject }) => ({ what: `a contact is still ${status}`, subject }));

/**
 * Everything that helps to understand a failure: the seed (else that of the provider), what was done when, what does not hold, and the
 * histories behind it.
 */
export const reportOf = async (
  world: World,
  seed: number | undefined,
  { lines }: BlowLog,
  problems: readonly Problem[],
): Promise<string> => {
  const subjects = [...new Set(problems.flatMap(({ subject }) => (subject === undefined ? [] : [subject])))].slice(0, historiesShown);
  const drawn = seed ?? (await world.sim.stats().catch(() => undefined))?.seed;
  const histories: string[] = [];
  for (const subject of subjects) histories.push(await historyOf(world, subject));
  return [
    `${problems.length} things do not hold${drawn === undefined ? "" : ` (seed ${drawn})`}; with CHAOS_KEEP=1 logs and data stay in ${world.dir}`,
    ...problems.slice(0, problemsShown).map(({ what, subject }) => `  - ${what}${subject === undefined ? "" : ` [${subject}]`}`),
    ...(problems.length > problemsShown ? [`  … and ${problems.length - problemsShown} more`] : []),
    "what was done:",
    ...lines.map((line) => `  ${line}`),
    ...histories,
  ].join("\n");
};
