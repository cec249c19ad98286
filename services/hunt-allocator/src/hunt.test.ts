import type { HuntEvent } from "@outrider/contracts/hunts";
import { huntId } from "@outrider/contracts/ids";
import { scenario } from "@outrider/eventing/testing";
import { expect, test } from "vitest";
import { definitionProblem, hunts } from "./hunt.ts";
import { huntDefinitionOf } from "./testing-definitions.ts";

const hunt = huntId.parse("clios");
const definition = huntDefinitionOf("Clios");
const changed = huntDefinitionOf("Clios under 5,000", { criteria: { priceTo: 5000 } });
const created: HuntEvent = { type: "HuntCreated", data: { hunt, definition } };
const activated: HuntEvent = { type: "HuntActivated", data: {} };
const paused: HuntEvent = { type: "HuntPaused", data: { by: "ana" } };
const resumed: HuntEvent = { type: "HuntResumed", data: { by: "ana" } };
const archived: HuntEvent = { type: "HuntArchived", data: {} };
const scannedAt = (at: string): HuntEvent => ({ type: "HuntScanned", data: { at } });
const { given } = scenario(hunts);
const create = { type: "CreateHunt", hunt, definition, activate: false } as const;

test("creates a hunt, as a draft or at once active", () => {
  given().when(create).then(created);
  given()
    .when({ ...create, activate: true })
    .then(created, activated);
});

test("stays quiet when the same hunt is created again, also with its fields in another order", () => {
  const turned = Object.fromEntries(Object.entries(definition).toReversed()) as typeof definition;
  given(created)
    .when({ ...create, definition: turned })
    .thenNothing();
});

test("refuses another hunt under an id that is taken", () => {
  given(created)
    .when({ ...create, definition: changed })
    .thenRefused("already-exists");
});

test("changes, activates, pauses and resumes, and stays quiet when told twice", () => {
  given(created)
    .when({ type: "ChangeHunt", definition: changed })
    .then({ type: "HuntChanged", data: { definition: changed } });
  given(created).when({ type: "ChangeHunt", definition }).thenNothing();
  given(created).when({ type: "ActivateHunt" }).then(activated);
  given(created, activated).when({ type: "ActivateHunt" }).thenNothing();
  given(created, activated).when({ type: "PauseHunt", by: "ana" }).then(paused);
  given(created, activated, paused).when({ type: "PauseHunt", by: "ben" }).thenNothing();
  given(created, activated, paused).when({ type: "ResumeHunt", by: "ana" }).then(resumed);
  given(created, activated, paused, resumed).when({ type: "ResumeHunt", by: "ana" }).thenNothing();
});

test("cannot pause or resume what was never active", () => {
  given(created).when({ type: "PauseHunt", by: "ana" }).thenRefused("not-active");
  given(created).when({ type: "ResumeHunt", by: "ana" }).thenRefused("not-active");
  given(created, activated, paused).when({ type: "ActivateHunt" }).thenRefused("not-active");
});

test("an archived hunt stays archived", () => {
  given(created, activated).when({ type: "ArchiveHunt" }).then(archived);
  given(created, archived).when({ type: "ArchiveHunt" }).thenNothing();
  given(created, archived).when({ type: "ResumeHunt", by: "ana" }).thenRefused("archived");
  given(created, archived).when({ type: "ChangeHunt", definition: changed }).thenRefused("archived");
});

test("nothing can be done with a hunt that was never created", () => {
  given().when({ type: "ArchiveHunt" }).thenRefused("unknown-hunt");
  given().when({ type: "RecordScan", at: "2026-11-20T09:00:00.000Z" }).thenRefused("unknown-hunt");
});

test("the moment of the last scan only moves forward", () => {
  const at = "2026-11-20T09:00:00.000Z";
  given(created, activated).when({ type: "RecordScan", at }).then(scannedAt(at));
  given(created, activated, scannedAt(at)).when({ type: "RecordScan", at }).thenNothing();
  given(created, activated, scannedAt(at)).when({ type: "RecordScan", at: "2026-11-19T09:00:00.000Z" }).thenNothing();
});

test("a definition must say for each channel which line sends and what to write", () => {
  expect(definitionProblem(definition)).toBeUndefined();
  expect(definitionProblem({ ...definition, lines: {} })).toMatch(/lines\.sms is missing/);
  expect(definitionProblem({ ...definition, templates: {} })).toMatch(/templates\.sms is missing/);
  expect(definitionProblem({ ...definition, channels: ["sms", "sms"] })).toMatch(/twice/);
  expect(definitionProblem(huntDefinitionOf("x", { criteria: { priceFrom: 2, priceTo: 1 } }))).toMatch(/priceFrom is above/);
});

test("what a country forbids to offer does not pass as a service message or an appointment", () => {
  const sector = "energy-renovation";
  for (const purpose of ["service", "appointment"]) {
    for (const legalBasis of ["consent", "existing-customer", "professional-recipient", "offer-to-buy"]) {
      const problem = definitionProblem(huntDefinitionOf("pumps", { sector, purpose, legalBasis }));
      expect(problem).toMatch(new RegExp(`purpose is ${purpose} and sector is energy-renovation.*solicits people`));
    }
    expect(definitionProblem(huntDefinitionOf("reminders", { purpose }))).toBeUndefined();
  }
  for (const purpose of ["prospecting", "existing-customer"]) {
    expect(definitionProblem(huntDefinitionOf("pumps", { sector, purpose, legalBasis: "existing-customer" }))).toBeUndefined();
  }
});
