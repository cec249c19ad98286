import { Liquid, type Template } from "liquidjs";
import { type Occurrence, occurrencesIn } from "./template-analysis.ts";
import { isTemplateVariable, sampleAd, sampleOwner, scopeOf, type TemplateScope, templateVariables } from "./template-variables.ts";

/** A template that was checked: rendering cannot fail, whichever optional values an ad lacks. */
export interface CheckedTemplate {
  readonly render: (scope: TemplateScope) => string;
  /** Whether the owner's name must be opened for it. */
  readonly usesOwnerName: boolean;
}

export type Checked = { readonly ok: true; readonly template: CheckedTemplate } | { readonly ok: false; readonly problem: string };

/** No loops, no assignments, no files: a template is as long as it looks, and each name in it is one of ours. */
const allowedTags = new Set(["if", "unless", "case", "comment", "raw"]);
const allowedFilters = new Set([
  "default",
  "upcase",
  "downcase",
  "capitalize",
  "strip",
  "lstrip",
  "rstrip",
  "truncate",
  "truncatewords",
  "replace",
  "replace_first",
  "remove",
  "remove_first",
  "append",
  "prepend",
  "round",
  "ceil",
  "floor",
  "plus",
  "minus",
  "times",
  "divided_by",
  "at_least",
  "at_most",
]);

const engine = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  relativeReference: false,
  dynamicPartials: false,
  templates: {},
  parseLimit: 10_000,
  renderLimit: 1000,
  memoryLimit: 1_000_000,
});
for (const name of Object.keys(engine.tags)) if (!allowedTags.has(name)) delete engine.tags[name];
for (const name of Object.keys(engine.filters)) if (!allowedFilters.has(name)) delete engine.filters[name];

/** Refuses, naming the culprit, whatever could fail or surprise at send time. */
export const checkTemplate = (source: string): Checked => {
  try {
    const parsed = engine.parse(source);
    const occurrences = occurrencesIn(parsed);
    const problem = occurrences.map(problemOf).find((found) => found !== undefined);
    if (problem !== undefined) return { ok: false, problem };
    const template = compiled(
      parsed,
      occurrences.some(({ name }) => name === "owner.name"),
    );
    // What is left to fail is the combination of a filter and a value: try with everything there, and with all optional values missing.
    for (const scope of [scopeOf(sampleAd, sampleOwner, "Example"), scopeOf({ title: sampleAd.title }, undefined, "Example")]) {
      if (template.render(scope).trim() === "") return { ok: false, problem: "the template can render to nothing" };
    }
    return { ok: true, template };
  } catch (error) {
    return { ok: false, problem: inWords(error) };
  }
};

const compiled = (parsed: Template[], usesOwnerName: boolean): CheckedTemplate => ({
  usesOwnerName,
  render: (scope) => String(engine.renderSync(parsed, scope)),
});

const known = Object.keys(templateVariables).join(", ");

const problemOf = ({ name, guarded }: Occurrence): string | undefined => {
  if (!isTemplateVariable(name)) return `unknown variable "${name}"; known are ${known}`;
  if (templateVariables[name] === "always" || guarded) return undefined;
  return `"${name}" may be missing on an ad: write {{ ${name} | default: "…" }}, or put it inside {% if ${name} %}…{% endif %}`;
};

/** liquidjs names the tag or filter; the rest of its message is the position. */
const inWords = (error: unknown): string => {
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
  const tag = /tag "([^"]+)" not found/.exec(message)?.[1];
  if (tag !== undefined) return `unknown tag "${tag}"; known are ${[...allowedTags].join(", ")}`;
  const filter = /undefined filter: (\S+?),/.exec(message)?.[1];
  if (filter !== undefined) return `unknown filter "${filter}"; known are ${[...allowedFilters].join(", ")}`;
  return `the template cannot be read: ${message.slice(0, 200)}`;
};
