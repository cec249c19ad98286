import { expect, test } from "vitest";
import { fieldsOf } from "./testing-arbitraries.ts";
import { declaredEvents } from "./testing-declared.ts";

/** Names under which a person's own data could hide. */
const suspicious =
  /^(number|phone|mobile|name|ownerName|firstName|lastName|email|address|text|description|title|body|message|transcript|proof)$/i;

/** Plain on purpose, and why that is nobody's personal data. */
const plain: Readonly<Record<string, string>> = {
  "AccountCreated name": "the business's own name, given for its invoices",
  "HuntCreated definition.name": "what the account calls its hunt",
  "HuntChanged definition.name": "what the account calls its hunt",
  "HuntCreated definition.criteria.text": "search words of the account",
  "HuntChanged definition.criteria.text": "search words of the account",
  "AdListed ad.title": "what is for sale; numbers inside are blanked before anything is stored",
  "AdChanged ad.title": "what is for sale; numbers inside are blanked before anything is stored",
  "AdDepersonalised ad.title": "what is for sale; numbers inside are blanked before anything is stored",
  "OptedOut proof": "names the message or request that said so, by its id",
  "OptedIn proof": "names the message or request that said so, by its id",
};

const found = declaredEvents.flatMap(({ type, schema }) =>
  fieldsOf(schema)
    .filter(({ path }) =>
      suspicious.test(
        path
          .replaceAll(/\[\]|\{\}/g, "")
          .split(".")
          .at(-1) ?? "",
      ),
    )
    .map((field) => ({ ...field, field: `${type} ${field.path}` })),
);

test("every field that could hold a person's own data is sealed, or listed here with the reason why not", () => {
  const open = found.filter(({ sealed, type }) => !sealed && type === "string").map(({ field }) => field);
  expect(
    open.filter((field) => plain[field] === undefined),
    "mark it with personal(…), or say here why it is nobody's data",
  ).toEqual([]);
});

test("the list of exceptions names nothing that is gone or sealed by now", () => {
  const open = new Set(found.filter(({ sealed }) => !sealed).map(({ field }) => field));
  expect(Object.keys(plain).filter((field) => !open.has(field))).toEqual([]);
});

test("finds sealed values wherever they are", () => {
  const sealed = declaredEvents.flatMap(({ type, schema }) =>
    fieldsOf(schema).flatMap((field) => (field.sealed ? [`${type} ${field.path}`] : [])),
  );
  for (const field of [
    "PersonRegistered number",
    "ContactRequested text",
    "PageAllocated rows[].text",
    "AdListed ad.ownerName",
    "PersonClosed state.number",
  ])
    expect(sealed).toContain(field);
});
