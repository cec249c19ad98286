import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import sparticuz from "@sparticuz/chromium";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorld, type World } from "./testing/world.ts";

let nats: ThrowAwayNats;
let world: World;
let browser: Browser;

/** The packed browser's own choices, but for those that would hide what a person's browser forbids. */
const args = sparticuz.args.filter((arg) => !/^--(disable-web-security|allow-running-insecure-content|headless|single-process)/.test(arg));

/** The browser that comes from npm is built for Linux alone. */
describe.skipIf(process.platform !== "linux")("in a browser", () => {
  beforeAll(async () => {
    nats = await throwAwayNats();
    world = await openWorld(nats.url, []);
    browser = await chromium.launch({ executablePath: await sparticuz.executablePath(), args });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await world?.close();
    await nats?.stop();
  });

  /** What the page asked of anybody but the gateway, and what it complained of. */
  const opened = async (path: string): Promise<{ readonly page: Page; readonly strangers: string[]; readonly complaints: string[] }> => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const strangers: string[] = [];
    const complaints: string[] = [];
    await page.route("**/*", async (route) => {
      const url = route.request().url();
      if (url.startsWith(`${world.url}/`)) return route.continue();
      strangers.push(url);
      return route.abort("internetdisconnected");
    });
    page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("response", (response) => void (response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`)));
    await page.goto(`${world.url}${path}`, { waitUntil: "load" });
    return { page, strangers, complaints };
  };

  test("the documents of the API open in a browser without the internet, and without a complaint", async () => {
    const { page, strangers, complaints } = await opened("/docs");
    expect(await page.title()).toBe("Outrider");
    await page.getByRole("heading", { name: "Outrider", exact: true }).waitFor();
    await page
      .getByRole("link", { name: "contacts" })
      .or(page.getByRole("button", { name: "contacts" }))
      .first()
      .click();
    await page.getByRole("heading", { name: "Write to one person, if that is lawful and paid for" }).waitFor();
    await page.getByText("legalBasis").first().waitFor();
    const shot = process.env["OUTRIDER_SCREENSHOT"];
    if (shot !== undefined) await page.screenshot({ path: shot });
    // Whatever its makers would like to be told of this page.
    for (const theirs of ["Ask AI", "Generate MCP", "Deploy", "Share"])
      expect(await page.getByText(theirs, { exact: true }).count()).toBe(0);
    expect(strangers).toEqual([]);
    expect(complaints).toEqual([]);
  }, 60_000);
});
