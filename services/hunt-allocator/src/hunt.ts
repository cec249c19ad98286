import type { HuntDefinition, HuntEvent } from "@outrider/contracts/hunts";
import type { HuntId } from "@outrider/contracts/ids";
import { accept, type Decider, refuse, unreachable } from "@outrider/eventing/decider";

export type Hunt =
  | { readonly status: "none" }
  | {
      readonly status: "draft" | "active" | "paused" | "archived";
      readonly hunt: HuntId;
      readonly definition: HuntDefinition;
      readonly lastScanAt?: string;
    };

/** Definitions have passed `definitionProblem` and `checkTemplate` before they come here. */
export type HuntCommand =
  | { readonly type: "CreateHunt"; readonly hunt: HuntId; readonly definition: HuntDefinition; readonly activate: boolean }
  | { readonly type: "ChangeHunt"; readonly definition: HuntDefinition }
  | { readonly type: "ActivateHunt" | "ArchiveHunt" }
  | { readonly type: "PauseHunt" | "ResumeHunt"; readonly by: string }
  | { readonly type: "RecordScan"; readonly at: string };

export type HuntRefusal = "already-exists" | "unknown-hunt" | "archived" | "not-active";

const decide: Decider<Hunt, HuntCommand, HuntEvent, HuntRefusal>["decide"] = (state, command) => {
  if (state.status === "none") return command.type === "CreateHunt" ? create(command) : refuse("unknown-hunt");
  if (command.type === "CreateHunt") return same(state.definition, command.definition) ? accept() : refuse("already-exists");
  if (state.status === "archived") return command.type === "ArchiveHunt" ? accept() : refuse("archived");
  switch (command.type) {
    case "ChangeHunt":
      return same(state.definition, command.definition)
        ? accept()
        : accept({ type: "HuntChanged", data: { definition: command.definition } });
    case "ActivateHunt":
      if (state.status === "draft") return accept({ type: "HuntActivated", data: {} });
      return state.status === "active" ? accept() : refuse("not-active"); // paused: it is resumed, by whom is recorded
    case "PauseHunt":
      if (state.status === "draft") return refuse("not-active");
      return state.status === "paused" ? accept() : accept({ type: "HuntPaused", data: { by: command.by } });
    case "ResumeHunt":
      if (state.status === "draft") return refuse("not-active");
      return state.status === "active" ? accept() : accept({ type: "HuntResumed", data: { by: command.by } });
    case "ArchiveHunt":
      return accept({ type: "HuntArchived", data: {} });
    case "RecordScan":
      // Imports end in any order: the moment only moves forward.
      return state.lastScanAt !== undefined && Date.parse(state.lastScanAt) >= Date.parse(command.at)
        ? accept()
        : accept({ type: "HuntScanned", data: { at: command.at } });
    default:
      return unreachable(command);
  }
};

const create = ({ hunt, definition, activate }: Extract<HuntCommand, { type: "CreateHunt" }>) => {
  const created: HuntEvent = { type: "HuntCreated", data: { hunt, definition } };
  return activate ? accept<HuntEvent>(created, { type: "HuntActivated", data: {} }) : accept<HuntEvent>(created);
};

const evolve = (state: Hunt, event: HuntEvent): Hunt => {
  if (event.type === "HuntCreated") return { status: "draft", ...event.data };
  if (state.status === "none") return state;
  switch (event.type) {
    case "HuntChanged":
      return { ...state, definition: event.data.definition };
    case "HuntActivated":
    case "HuntResumed":
      return { ...state, status: "active" };
    case "HuntPaused":
      return { ...state, status: "paused" };
    case "HuntArchived":
      return { ...state, status: "archived" };
    case "HuntScanned":
      return { ...state, lastScanAt: event.data.at };
    default:
      return unreachable(event);
  }
};

export const hunts: Decider<Hunt, HuntCommand, HuntEvent, HuntRefusal> = { initial: () => ({ status: "none" }), evolve, decide };

/** What stands in the way of saving a definition, in words; undefined: nothing. Templates are checked apart. */
export const definitionProblem = (definition: HuntDefinition): string | undefined => {
  const { channels, lines, templates, criteria } = definition;
  if (new Set(channels).size < channels.length) return "channels names a channel twice";
  for (const channel of channels) {
    if (lines[channel] === undefined) return `lines.${channel} is missing: the hunt uses ${channel} and must say which line sends`;
    if (templates[channel] === undefined) return `templates.${channel} is missing: the hunt uses ${channel} and must say what to write`;
  }
  for (const [from, to, what] of [
    [criteria.priceFrom, criteria.priceTo, "price"],
    [criteria.yearFrom, criteria.yearTo, "year"],
  ] as const) {
    if (from !== undefined && to !== undefined && from > to) return `criteria.${what}From is above criteria.${what}To: no ad can match`;
  }
  return sectorProblem(definition);
};

/**
 * A hunt writes to owners of ads first, so what it offers is solicitation, whatever it calls itself: what is sent of a running contract answers
 * to the purpose "existing-customer", which asks for its record; service messages and appointments ask for none.
 */
const sectorProblem = ({ sector, purpose }: HuntDefinition): string | undefined =>
  sector === undefined || purpose === "prospecting" || purpose === "existing-customer"
    ? undefined
    : `purpose is ${purpose} and sector is ${sector}: a hunt that offers this solicits people, so its purpose is prospecting, or existing-customer where a contract is running`;

const same = (one: unknown, other: unknown): boolean => stable(one) === stable(other);

/** Field order is the caller's business, not a difference. */
const stable = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
