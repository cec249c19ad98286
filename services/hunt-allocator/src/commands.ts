import { offerToBuyNotice } from "@outrider/contact-policy/notices";
import { wordingProblem } from "@outrider/contact-policy/wording";
import { type HuntDefinition, huntCommands } from "@outrider/contracts/hunts";
import type { AccountId, HuntId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { type Asked, pauseFor } from "@outrider/eventing";
import { type CommandContext, type CommandHandler, erased, handle, type KnownAccount, Refusal } from "@outrider/platform";
import { type ActiveHuntsTools, activates, activeHunts } from "./active-hunts.ts";
import { accountAgainMs, accountWaitMs, lookUpWaitMs } from "./config.ts";
import { talliesOf } from "./day-tallies.ts";
import { dryRun } from "./dry-run.ts";
import { definitionProblem, type HuntCommand, type HuntRefusal } from "./hunt.ts";
import { assertCurrent, type PassTools } from "./pass.ts";
import { dueOn, localDayOf, runOf, weekdayOf } from "./play.ts";
import type { Hunts } from "./reactions.ts";
import { mostPasses, openPass, type Pass, type RunRefusal } from "./run.ts";
import { type Segments, segmentsOf } from "./segments.ts";
import { sampleAd, sampleOwner, scopeOf } from "./template-variables.ts";
import { type CheckedTemplate, checkTemplate } from "./templates.ts";
import { whyNot } from "./why-not.ts";

export interface CommandTools extends PassTools, Omit<ActiveHuntsTools, keyof PassTools> {
  readonly hunts: Hunts;
}

const sentences = {
  "already-exists": "there is a hunt with this id and another definition",
  "unknown-hunt": "there is no such hunt",
  archived: "the hunt is archived",
  "not-active": "the hunt is not in a state in which this can be done",
} as const satisfies Record<HuntRefusal, string>;

const slugs = { "already-exists": "already-exists", "unknown-hunt": "not-found", archived: "conflict", "not-active": "conflict" } as const;

const asked = ({ clock }: Pick<PassTools, "clock">, context: CommandContext): Asked => {
  const { commandId, correlation, causation, actor, traceparent, deadlineAt } = context;
  return {
    ...{ commandId, at: clock.now(), correlation, causation, actor, traceparent },
    deadline: performance.now() + (deadlineAt - Date.now()),
  };
};

/** Every replica learns of an account within moments: one that was created just now is waited for. */
const accountOf = async ({ accounts, stopping }: Pick<PassTools, "accounts" | "stopping">, id: AccountId): Promise<KnownAccount> => {
  for (const end = performance.now() + accountWaitMs; ; ) {
    const account = accounts.account(id);
    if (account !== undefined) return account;
    if (performance.now() > end) throw new Refusal("not-found", "there is no such account", "unknown-account");
    await pauseFor(accountAgainMs, stopping);
  }
};

const checked = (where: string, source: string): CheckedTemplate => {
  const result = checkTemplate(source);
  if (!result.ok) throw new Refusal("invalid-request", `${where}: ${result.problem}`, "bad-template");
  return result.template;
};

/** What keeps a hunt from writing to anybody as the account is now: it may change before the first run. */
const hindrances = ({ lines, legalBasis }: HuntDefinition, { providers, offerToBuyConfirmed }: KnownAccount): string[] => {
  const connected = new Set([...providers.values()].map(({ line }) => line));
  return [
    ...(lines.sms === undefined || connected.has(lines.sms)
      ? []
      : [`lines.sms: the line ${lines.sms} is not connected, and until it is the hunt writes to nobody`]),
    ...(legalBasis !== "offer-to-buy" || offerToBuyConfirmed?.notice === offerToBuyNotice
      ? []
      : ["legalBasis: offer-to-buy counts only once the account has confirmed its notice, and until then the hunt writes to nobody"]),
  ];
};

/**
 * Everything about a definition that can be checked is checked when it is saved. Answers how long its SMS is, on a sample ad, and warns of
 * what it does not say: the account's country is not always the recipient's, so nothing is refused for a word.
 */
const checkDefinition = (definition: HuntDefinition, account: KnownAccount): { readonly sms?: Segments; readonly warnings?: string[] } => {
  const problem = definitionProblem(definition);
  if (problem !== undefined) throw new Refusal("invalid-request", problem, "bad-definition");
  for (const [channel, source] of Object.entries(definition.templates)) if (source !== undefined) checked(`templates.${channel}`, source);
  const { sms } = definition.templates;
  const { name, country } = account;
  const hindered = hindrances(definition, account);
  if (sms === undefined) return hindered.length === 0 ? {} : { warnings: hindered };
  const text = checked("templates.sms", sms).render(scopeOf(sampleAd, sampleOwner, name));
  const warning = wordingProblem(text, { country, channel: "sms", purpose: definition.purpose });
  const warnings = [...(warning === undefined ? [] : [`templates.sms: ${warning}`]), ...hindered];
  return { sms: segmentsOf(text), ...(warnings.length === 0 ? {} : { warnings }) };
};

/** What others ask of the allocator. */
export const commands = (tools: CommandTools): readonly CommandHandler[] => [...huntHandlers(tools), ...runHandlers(tools)];

const huntHandlers = (tools: CommandTools): readonly CommandHandler[] => {
  const active = activeHunts(tools);
  const change = async (account: AccountId, hunt: HuntId, command: HuntCommand, context: CommandContext): Promise<{ seq: number }> => {
    const subject = subjects.hunt(account, hunt);
    const wouldActivate = async () => activates((await tools.hunts.fold(subject)).state, command);
    const append = async () => {
      const outcome = await tools.hunts.execute(subject, command, asked(tools, context));
      if (outcome.kind === "refused") throw new Refusal(slugs[outcome.refusal], sentences[outcome.refusal], outcome.refusal);
      return { seq: outcome.revision };
    };
    return (await wouldActivate()) ? await active.activate(account, context, { activates: wouldActivate, append }) : await append();
  };
  return [
    handle(huntCommands.createHunt, async ({ account, hunt, definition, activate }, context) => {
      const told = checkDefinition(definition, await accountOf(tools, account));
      return { hunt, ...(await change(account, hunt, { type: "CreateHunt", hunt, definition, activate }, context)), ...told };
    }),
    handle(huntCommands.changeHunt, async ({ account, hunt, definition }, context) => {
      const told = checkDefinition(definition, await accountOf(tools, account));
      return { ...(await change(account, hunt, { type: "ChangeHunt", definition }, context)), ...told };
    }),
    handle(huntCommands.activateHunt, ({ account, hunt }, context) => change(account, hunt, { type: "ActivateHunt" }, context)),
    handle(huntCommands.archiveHunt, ({ account, hunt }, context) => change(account, hunt, { type: "ArchiveHunt" }, context)),
    handle(huntCommands.pauseHunt, ({ account, hunt, by }, context) => change(account, hunt, { type: "PauseHunt", by }, context)),
    handle(huntCommands.resumeHunt, ({ account, hunt, by }, context) => change(account, hunt, { type: "ResumeHunt", by }, context)),
    handle(huntCommands.previewTemplate, async ({ account: id, template: source, channel, ad }) => {
      const account = await accountOf(tools, id);
      const template = checked("template", source);
      const text = template.render(await scopeFor(tools, account, ad)).trim();
      return channel === "sms" ? { text, sms: segmentsOf(text) } : { text };
    }),
  ];
};

const scopeFor = async ({ candidates, keyring }: CommandTools, { account, name }: KnownAccount, ad: string | undefined) => {
  if (ad === undefined) return scopeOf(sampleAd, sampleOwner, name);
  const found = (await candidates.ads(account, [ad])).get(ad);
  if (found === undefined) throw new Refusal("not-found", "there is no such ad among the candidates");
  const [owner] = found.ownerName === undefined ? [] : await keyring.openMany([found.ownerName]);
  return scopeOf(found, owner === erased ? undefined : owner, name);
};

const runHandlers = (tools: CommandTools): readonly CommandHandler[] => [
  handle(huntCommands.startPass, async ({ account: id, date: wanted, by }, context) => {
    const account = await accountOf(tools, id);
    assertCurrent(tools);
    const date = localDayOf(account.timeZone, tools.clock.nowMs());
    // Each day has limits of its own, and its reservations' numbers end those of all days before: only the day that it is can be run.
    if (wanted !== undefined && wanted !== date) {
      throw new Refusal("refused", `only today can be run, which is ${date} for this account, not ${wanted}`, "not-today");
    }
    if (by === "cron" && !account.policy.runWeekdays.includes(weekdayOf(date))) {
      throw new Refusal("refused", "the account runs nothing on this weekday", "not-a-run-day");
    }
    const paused = tools.accounts.pausedBy(id);
    if (paused !== undefined)
      throw new Refusal("refused", paused === "account" ? "the account is paused" : "everything is paused", "paused");
    // Hunts that were saved before this start take part in it.
    await tools.looking.ownUpTo(await tools.ownLast(), Math.min(lookUpWaitMs, context.deadlineAt - Date.now()));
    const due = dueOn(date, await tools.candidates.hunts(id));
    const run = runOf(date);
    const command = { type: "OpenPass", run, by, hunts: due.map(({ hunt }) => hunt) } as const;
    const outcome = await tools.runs.execute(subjects.run(id, run), command, asked(tools, context));
    if (outcome.kind === "refused") throw new Refusal("refused", whyNotOpened(outcome.refusal), outcome.refusal);
    const opened = outcome.events.find(({ type }) => type === "PassOpened");
    const pass = outcome.state.passes.find(({ pass: each }) => opened?.type === "PassOpened" && each === opened.data.pass);
    const answered = pass ?? openPass(outcome.state);
    if (answered === undefined) throw new Refusal("conflict", "a pass was closed just now; start another one");
    return { run, pass: answered.pass, seq: outcome.revision, open: answered.open };
  }),
  handle(huntCommands.run, async ({ account, run }) => {
    const { state, revision } = await tools.runs.fold(subjects.run(account, run));
    return { exists: revision > 0, passes: state.passes.map(seen), hunts: talliesOf(state.passes), seq: revision };
  }),
  handle(huntCommands.dryRun, async ({ account: id, limit }, context) => {
    const account = await accountOf(tools, id);
    const waitMs = Math.min(lookUpWaitMs, (context.deadlineAt - Date.now()) / 2);
    await tools.looking.ownUpTo(await tools.ownLast(), waitMs);
    await tools.looking.others(waitMs);
    return dryRun(tools, account, limit, context);
  }),
  handle(huntCommands.whyNot, async ({ account: id, person }, context) => whyNot(tools, await accountOf(tools, id), person, context)),
];

const whyNotOpened = (refusal: RunRefusal): string =>
  refusal === "too-many-passes"
    ? `the account has had ${mostPasses} passes today, as many as a day may have; the next can start tomorrow`
    : "the pass cannot be opened";

const seen = ({ pass, open, found, allocated, skipped, held, rest }: Pass) => ({
  ...{ pass, open, found, allocated, skipped: { ...skipped }, reserved: held, rest },
});
