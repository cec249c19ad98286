import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as ads from "@outrider/contracts/ads";
import { type CommandDefinition, type ServiceName, serviceNames } from "@outrider/contracts/commands";
import * as contact from "@outrider/contracts/contact";
import * as hunts from "@outrider/contracts/hunts";
import * as inbox from "@outrider/contracts/inbox";
import * as ledger from "@outrider/contracts/ledger";
import * as projector from "@outrider/contracts/projector";
import * as registry from "@outrider/contracts/registry";
import * as registryCommands from "@outrider/contracts/registry-commands";
import * as scheduler from "@outrider/contracts/scheduler";
import * as sms from "@outrider/contracts/sms";
import { isDefinition } from "../libs/contracts/src/testing-declared.ts";
import { shapeText } from "../libs/contracts/src/testing-shapes.ts";

// Writes docs/messages.md from the contracts: what each service writes and answers. A test says when it is not what they say.

export const messagesFile = join(resolve(import.meta.dirname, ".."), "docs", "messages.md");

const writes: Readonly<Record<ServiceName, readonly [stream: string, ...contexts: object[]]>> = {
  registry: ["REGISTRY", registry],
  scheduler: [""],
  "scraping-ingest": ["ADS", ads],
  "hunt-allocator": ["HUNTS", hunts],
  "sms-sender": ["SMS", contact, sms],
  "credit-ledger": ["LEDGER", ledger],
  projector: [""],
  gateway: ["INBOX and UPLOADS", inbox],
};
const contexts: readonly object[] = [ads, contact, hunts, inbox, ledger, projector, registry, registryCommands, scheduler, sms];
/** Answered by every service from its own deciders. */
const inspecting = /^(history|state|dead-)/;

type Command = CommandDefinition<unknown, unknown>;
const isCommand = (value: unknown): value is Command =>
  typeof value === "object" && value !== null && "subject" in value && "request" in value && "reply" in value;

const commands: readonly Command[] = contexts.flatMap((context) =>
  Object.values(context).flatMap((one: unknown) => (typeof one === "object" && one !== null ? Object.values(one).filter(isCommand) : [])),
);

const byText = (one: string, other: string): number => (one < other ? -1 : 1);
const block = (lines: readonly string[]): string => ["```text", ...lines, "```"].join("\n");
const eventsOf = (from: readonly object[]): readonly string[] =>
  from
    .flatMap((context) => Object.values(context).filter(isDefinition))
    .toSorted((one, other) => byText(one.type, other.type))
    .map(({ type, version, schema }) => `${type}@${version} ${shapeText(schema, type.length + 3)}`);
const commandsOf = (wanted: (command: Command) => boolean, named: (command: Command) => string): readonly string[] =>
  commands
    .filter(wanted)
    .toSorted((one, other) => byText(one.name, other.name))
    .map((command) =>
      `${named(command)} ${shapeText(command.request, named(command).length + 1)}\n  → ${shapeText(command.reply, 2, "  ")}`.replace(
        "→ \n",
        "→\n",
      ),
    );

const sectionOf = (service: ServiceName): string => {
  const [stream, ...from] = writes[service];
  const events = eventsOf(from);
  const answers = commandsOf(
    (command) => command.service === service && !inspecting.test(command.name),
    ({ subject }) => subject,
  );
  return [
    `## ${service}`,
    ...(events.length > 0 ? [`Writes to ${stream}:`, block(events)] : ["Writes no events."]),
    ...(answers.length > 0 ? ["Answers:", block(answers)] : ["Answers nothing over NATS but what every service does."]),
  ].join("\n\n");
};

/** The whole page. */
export const messagesPage = (): string =>
  `${[
    "# Messages",
    "Written by `node scripts/messages.ts` from the contracts. A stored message is `{at, events: [{type, version, data}]}`; below is the `data` of each event's current version. What each version before it looked like is in `libs/contracts/fixtures`, one file of stored bytes each. A command is a NATS request; what stands behind `→` is its answer's `value`. `sealed name` is `{k, v}`: a name, sealed under key `k`. `time` is ISO 8601.",
    ...serviceNames.map(sectionOf),
    "## every service",
    block(
      commandsOf(
        ({ service, name }) => service === "registry" && inspecting.test(name),
        ({ name }) => `cmd.<service>.${name}`,
      ),
    ),
  ].join("\n\n")}\n`;

if (import.meta.main) {
  const page = messagesPage();
  if (readFileSync(messagesFile, { encoding: "utf8", flag: "a+" }) !== page) writeFileSync(messagesFile, page);
  console.log(`${messagesFile} has ${page.split("\n").length} lines`);
}
