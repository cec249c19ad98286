import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { serviceNames } from "@outrider/contracts/commands";
import { expect, test } from "vitest";
import { declaredEvents } from "../libs/contracts/src/testing-declared.ts";
import { messagesFile, messagesPage } from "./messages.ts";

test("docs/messages.md is what the contracts say; `node scripts/messages.ts` writes it", () => {
  expect(readFileSync(messagesFile, "utf8")).toBe(messagesPage());
});

test("every event that any context declares is on the page", () => {
  const page = messagesPage();
  for (const { type, version } of declaredEvents) expect(page).toContain(`\n${type}@${version} {`);
});

test.each(serviceNames.map((service) => [service]))("the README of %s tells flows, the shapes of messages, and failures", (service) => {
  const readme = readFileSync(join(resolve(import.meta.dirname, ".."), "services", service, "README.md"), "utf8");
  expect(readme).toMatch(/^## (Flows?|How a pass goes)$/m);
  expect(readme).toContain(`](../../docs/messages.md#${service})`);
  expect(readme).toMatch(/^## Fails like$/m);
});
