import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleAd, sampleOwner, scopeOf, templateVariables } from "./template-variables.ts";
import { checkTemplate } from "./templates.ts";

const bare = scopeOf({ title: "Clio" }, undefined, "Garage");
const full = scopeOf(sampleAd, sampleOwner, "Garage");
const rendered = (source: string, scope = full): string => {
  const checked = checkTemplate(source);
  if (!checked.ok) throw new Error(checked.problem);
  return checked.template.render(scope);
};

test("renders the ad's, the owner's and the account's values, or their defaults", () => {
  const source = "{{ owner.name | default: 'Bonjour' }}: {{ ad.title }}, {{ ad.price | default: '?' }} – {{ account.name }}";
  expect(rendered(source)).toBe("Camille: Peugeot 208 1.2 PureTech, 8900 – Garage");
  expect(rendered(source, bare)).toBe("Bonjour: Clio, ? – Garage");
});

describe.each([
  ["{{ ad.colour }}", 'unknown variable "ad.colour"'],
  ["{{ title }}", 'unknown variable "title"'],
  ["{{ ad['title'] }}", "unknown variable"],
  ["{{ ad[owner.name] }}", "unknown variable"],
  ["{{ ad.title.length }}", "unknown variable"],
  ["{{ ad.constructor }}", 'unknown variable "ad.constructor"'],
  ["{{ ad.title | shout }}", 'unknown filter "shout"'],
  ["{{ ad.title | date: '%s' }}", 'unknown filter "date"'],
  ["{% for x in ad %}{{ x }}{% endfor %}", 'unknown tag "for"'],
  ["{% include 'secret' %}", 'unknown tag "include"'],
  ["{% assign x = ad.title %}{{ x }}", 'unknown tag "assign"'],
  ["{{ ad.price }}", '"ad.price" may be missing'],
  ["{{ ad.title | append: ad.city }}", '"ad.city" may be missing'],
  ["x {% if ad.make %}{{ ad.model }}{% endif %}", '"ad.model" may be missing'],
  ["x {% if ad.make %}a{% else %}{{ ad.make }}{% endif %}", '"ad.make" may be missing'],
  ["x {% if ad.make or ad.model %}{{ ad.make }}{% endif %}", '"ad.make" may be missing'],
  ["x {% if ad.make == ad.model %}{{ ad.make }}{% endif %}", '"ad.make" may be missing'],
  ["x {% if ad.make == nil %}{{ ad.make }}{% endif %}", '"ad.make" may be missing'],
  ["x {% unless ad.make %}{{ ad.make }}{% endunless %}", '"ad.make" may be missing'],
  ["{% if ad.make %}{{ ad.make }}{% endif %}", "render to nothing"],
  ["{{ ad.title", "cannot be read"],
])("%s", (source, problem) => {
  test(`is refused: ${problem}`, () => {
    const checked = checkTemplate(source);
    expect(checked.ok ? "accepted" : checked.problem).toContain(problem);
  });
});

test.each([
  "x {% if ad.price > 1000 and ad.make %}{{ ad.price }} {{ ad.make }}{% endif %}",
  "x {% if ad.make == 'Peugeot' %}{{ ad.make }}{% endif %}",
  "x {% unless ad.make %}y{% else %}{{ ad.make }}{% endunless %}",
  "x {% case ad.make %}{% when 'Peugeot' %}p{% else %}o{% endcase %}{% comment %}{{ nothing }}{% endcomment %}",
  "{{ ad.title | truncate: 20 | upcase }} {{ ad.mileage | default: 0 | divided_by: 1000 | round }}",
])("%s is accepted", (source) => {
  expect(rendered(source, bare).length).toBeGreaterThan(0);
});

test("tells whether the owner's name is needed", () => {
  const uses = (source: string) => {
    const checked = checkTemplate(source);
    return checked.ok && checked.template.usesOwnerName;
  };
  expect(uses("{{ owner.name | default: 'you' }}")).toBe(true);
  expect(uses("x{% if owner.name %}y{% endif %}")).toBe(true);
  expect(uses("{{ ad.title }}")).toBe(false);
});

test("what somebody typed into an ad is one line of bounded length", () => {
  expect(rendered("{{ ad.title }}", scopeOf({ title: `a\n\r\tb${"c".repeat(500)}` }, undefined, "G"))).toBe(`a b${"c".repeat(197)}`);
});

const optional = Object.entries(templateVariables).flatMap(([name, presence]) => (presence === "perhaps" ? [name] : []));
const piece = fc
  .tuple(fc.constantFrom(...Object.keys(templateVariables)), fc.constantFrom(...Object.keys(templateVariables)))
  .chain(([one, other]) =>
    fc.constantFrom(
      `{{ ${one} }}`,
      `{{ ${one} | default: 'd' }}`,
      `{{ ${one} | upcase | truncate: 5 | append: 'x' }}`,
      `{% if ${one} %}{{ ${one} }}{{ ${other} }}{% endif %}`,
      `{% if ${one} > 5 and ${other} %}{{ ${one} }}{{ ${other} }}{% else %}{{ ${other} }}{% endif %}`,
      `{% if ${one} or ${other} contains 'e' %}{{ ${other} | default: ${one} }}{% endif %}`,
      `{% unless ${one} == 'x' %}{{ ${other} }}{% else %}{{ ${one} }}{% endunless %}`,
    ),
  );

test("a template that was accepted never fails, whatever an ad lacks", () => {
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), fc.subarray(optional), (pieces, present) => {
      const checked = checkTemplate(`Hello ${pieces.join(" ")}`);
      if (!checked.ok) return;
      const ad = Object.fromEntries(Object.entries(sampleAd).filter(([field]) => field === "title" || present.includes(`ad.${field}`)));
      const scope = scopeOf({ title: sampleAd.title, ...ad }, present.includes("owner.name") ? sampleOwner : undefined, "Garage");
      expect(checked.template.render(scope)).toMatch(/^Hello/);
    }),
    { numRuns: 500 },
  );
});
