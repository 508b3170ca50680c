/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createScreenshotFolder, openBrowser } from "./support/browser.ts";
import { demoRows } from "./support/demo.ts";
import { createHome, medley, medleyRecords, REPOSITORY, until } from "./support/medley.ts";
import { type Stack, startStack } from "./support/stack.ts";

/** Enough for a page that fills a screen, few enough to be brought in within seconds. */
const PICTURES = 60;
const SLOW_MS = 60_000;

const home = createHome();
const screenshots = createScreenshotFolder();
const problems: string[] = [];
let stack: Stack;
let browser: Browser;
let page: Page;
/** HTTP status of refusals that the story is about. */
let expectedRefusal: 401 | 415 | null = null;

beforeAll(async () => {
  const folder = join(REPOSITORY, "assets/demo");
  const manifest = join(home.path, "some.jsonl");
  const rows = demoRows(folder).filter((_, index, all) => index % Math.ceil(all.length / PICTURES) === 0);
  writeFileSync(manifest, rows.map((row) => `${JSON.stringify({ ...row, path: join(folder, row.path) })}\n`).join(""));
  await medleyRecords(["ingest", manifest, "--corpus", "some"], { home: home.path });
  stack = await startStack({ home: home.path });
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
  page.setDefaultTimeout(SLOW_MS);
  page.on("console", (message) => {
    // The browser itself writes down what a gateway with keys answers to a page that has none yet, and that bytes were refused.
    if (expectedRefusal !== null && message.text().includes(`status of ${expectedRefusal}`)) return;
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  // A page that is left gives up the pictures it still waits for: on a busy machine a story leaves before all have come.
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    if (reason !== "net::ERR_ABORTED") problems.push(`${request.url()}: ${reason}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(stack.url) && !/^(data|blob):/.test(request.url()))
      problems.push(`asked ${request.url()}`);
  });
});

afterAll(async () => {
  console.log(`Screenshots: ${screenshots}`);
  await browser?.close();
  await stack?.[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

async function shoot(name: string): Promise<void> {
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

/** Waits until every picture in view has been painted. */
async function picturesLoaded(): Promise<void> {
  await page.waitForFunction(() => {
    const inView = [...document.images].filter((image) => {
      const { top, bottom } = image.getBoundingClientRect();
      return top < window.innerHeight && bottom > 0;
    });
    return inView.length > 0 && inView.every((image) => image.complete && image.naturalWidth > 0);
  });
}

test("invites to search a collection", async () => {
  await page.goto(stack.url);
  await page.getByRole("heading", { name: "Describe a picture, find it" }).waitFor();
  expect(await page.getByRole("main").innerText()).toContain("“some”");
  await shoot("1-invitation");
});

test("finds pictures and shows both scores of each", async () => {
  await page.getByRole("searchbox").fill("a red apple");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByText(/pictures for “a red apple”, best first/).waitFor();
  await picturesLoaded();
  await shoot("2-results");
  const cards = page.locator("ol.grid > li");
  expect(await cards.count()).toBe(48);
  for (const text of (await cards.allInnerTexts()).slice(0, 10)) {
    expect(text).toMatch(/match logit\s+[+−]?\d+\.\d\d/);
    expect(text).toMatch(/cosine\s+−?\d\.\d{3}/);
  }
  expect(new URL(page.url()).searchParams.get("q")).toBe("a red apple");
});

test("shows pictures before they are judged, says so, and puts them in order once they are", async () => {
  const held = Promise.withResolvers<void>();
  const other = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await other.routeWebSocket(/graphql/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage(async (message) => {
      if (/"isFinal":true|"complete"/.test(String(message))) await held.promise;
      socket.send(message);
    });
  });
  await other.goto(`${stack.url}/?q=a+red+apple&corpus=some`);
  await other.getByText("48 pictures for “a red apple”, in a first order").waitFor();
  await other.getByText(/of \d+ pictures compared with the text so far/).waitFor();
  const cards = other.locator("ol.grid > li");
  expect(await cards.count()).toBe(48);
  await other.screenshot({ path: join(screenshots, "2-first-order.png") });
  held.resolve();
  await other.getByText(/pictures for “a red apple”, best first/).waitFor();
  expect((await cards.first().innerText()).replace(/\s+/g, " ")).toContain("rank 1 ");
  expect((await cards.allInnerTexts()).join()).not.toContain("not yet");
});

test("says when probably nothing shows what was looked for, and shows the nearest all the same", async () => {
  const other = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await other.routeWebSocket(/graphql/, (socket) => {
    const server = socket.connectToServer();
    // What a calibrated collection answers; this one has too few pictures to be calibrated.
    server.onMessage((message) =>
      socket.send(String(message).replace(/"verdict":(null|\{"verdict":"\w+"\})/, '"verdict":{"verdict":"NONE"}')),
    );
  });
  await other.goto(`${stack.url}/?q=a+submarine&corpus=some`);
  await other.getByText("Probably nothing in “some” shows this.").waitFor();
  expect(await other.locator("ol.grid > li").count()).toBe(48);
  await other.screenshot({ path: join(screenshots, "2-probably-nothing.png") });
});

test("searches by POST where no WebSocket comes through", async () => {
  const other = await browser.newPage();
  await other.routeWebSocket(/graphql/, (socket) => socket.close());
  await other.goto(`${stack.url}/?q=a+red+apple&corpus=some`);
  await other.getByText("48 pictures for “a red apple”, best first").waitFor();
});

test("opens a picture with its captions and answers a question about it", async () => {
  await page.locator("ol.grid > li a").first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Captions" }).waitFor();
  await picturesLoaded();
  expect(await dialog.locator("ul.captions li").count()).toBeGreaterThan(0);
  await shoot("3-picture");
  await dialog.getByRole("button", { name: "apple", exact: true }).click();
  await dialog.getByText(/Bright where the picture is most like “apple”/).waitFor();
  const overlay = dialog.locator(".overlay");
  await overlay.waitFor();
  await picturesLoaded();
  // It lies over the picture and nowhere else.
  expect(await overlay.boundingBox()).toEqual(await dialog.locator(".layers img").first().boundingBox());
  await shoot("3-evidence");
  await dialog.getByRole("button", { name: "apple", exact: true }).click();
  await overlay.waitFor({ state: "detached" });
  await dialog.getByRole("button", { name: "Caption this" }).click();
  await dialog.locator(".captions-new q").waitFor();
  expect((await dialog.locator(".captions-new q").innerText()).trim()).not.toBe("");
  await dialog.getByRole("textbox").fill("what colour is it?");
  await dialog.getByRole("button", { name: "Ask" }).click();
  await dialog.locator(".answer strong").waitFor();
  expect((await dialog.locator(".answer strong").innerText()).trim()).not.toBe("");
  await shoot("4-answer");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

test("does all of it with the keyboard alone", async () => {
  await page.goto(stack.url);
  await page.getByRole("heading", { name: "Describe a picture, find it" }).waitFor();
  // The search box has the focus when the page opens.
  await page.keyboard.type("snow on the mountains");
  await page.keyboard.press("Enter");
  await page.getByText(/pictures for “snow on the mountains”, best first/).waitFor();
  await picturesLoaded();
  await tabUntil(() => document.activeElement?.matches("ol.grid > li:nth-child(2) a") ?? false);
  await shoot("5-keyboard-focus");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Ask about it" }).waitFor();
  await tabUntil(() => document.activeElement?.matches("dialog input[name=question]") ?? false);
  await page.keyboard.type("is there snow?");
  await page.keyboard.press("Enter");
  await dialog.locator(".answer strong").waitFor();
  await shoot("6-keyboard-answer");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(await page.evaluate(() => document.activeElement?.matches("ol.grid > li:nth-child(2) a"))).toBe(true);
  await page.goBack();
});

async function tabUntil(reached: () => boolean): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    if (await page.evaluate(reached)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error("30 presses of Tab did not reach it");
}

test("keeps a search in its address, also for somebody who opens it at a picture on a telephone", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${stack.url}/?q=a+slice+of+pizza&corpus=some`);
  await page.getByText(/pictures for “a slice of pizza”, best first/).waitFor();
  await picturesLoaded();
  await shoot("7-telephone");
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  await page.locator("ol.grid > li a").first().click();
  await page.getByRole("heading", { name: "Captions" }).waitFor();
  const address = page.url();
  await page.goto(address);
  await page.getByRole("dialog").getByRole("heading", { name: "Captions" }).waitFor();
  await picturesLoaded();
  await shoot("8-telephone-picture");
  await page.setViewportSize({ width: 1280, height: 900 });
});

test("says in words what went wrong", async () => {
  await page.goto(`${stack.url}/?q=a+dog&corpus=no-such-corpus`);
  const alert = page.getByRole("alert");
  await alert.waitFor();
  expect(await alert.innerText()).toContain("no-such-corpus");
  await shoot("9-unknown-corpus");
});

test("looks right in the dark", async () => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(`${stack.url}/?q=a+red+apple&corpus=some`);
  await page.getByText(/pictures for “a red apple”, best first/).waitFor();
  await picturesLoaded();
  await shoot("10-dark");
});

test("opens GraphiQL, which runs a query", async () => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${stack.url}/graphiql?query=${encodeURIComponent("{ corpora { name imageCount } }")}`);
  await page.getByRole("button", { name: /execute query/i }).click();
  await page.locator(".result-window").getByText("imageCount").first().waitFor();
  await shoot("11-graphiql");
});

test("adds pictures from the reader's disk to a new collection, says what was refused, and finds them", async () => {
  const folder = join(REPOSITORY, "assets/demo");
  const pictures = demoRows(folder)
    .slice(1, 7)
    .map(({ path }) => join(folder, path));
  const text = join(home.path, "no-picture.jpg");
  writeFileSync(text, "This is a text.");
  await page.goto(stack.url);
  await page.getByRole("button", { name: "Add pictures" }).click();
  const dialog = page.getByRole("dialog", { name: "Add pictures" });
  await dialog.getByLabel("Collection").fill("from my disk");
  await dialog.getByText("“from my disk” is a new collection.").waitFor();
  await shoot("16-add-pictures");
  expectedRefusal = 415;
  await dialog.getByLabel("Drop pictures here, or choose them").setInputFiles([...pictures, text]);
  await dialog.getByText("6 pictures added. 1 picture could not be added.").waitFor();
  const rows = dialog.locator("ul.added li");
  expect(await rows.count()).toBe(7);
  expect(await rows.first().innerText()).toMatch(/no-picture\.jpg[\s\S]*JPEG/);
  await shoot("17-pictures-added");
  expectedRefusal = null;
  await dialog.getByRole("button", { name: "Search them" }).click();
  await page.getByText("among the 6 pictures of “from my disk”").waitFor();
  await page.getByRole("searchbox").fill("an apple");
  await page.keyboard.press("Enter");
  await page.getByText(/6 pictures for “an apple”, best first/).waitFor();
  await picturesLoaded();
  await shoot("18-own-pictures");

  const everywhere = await page.locator("option", { hasText: /^All collections · \d+ pictures$/ }).textContent();
  await page.getByLabel("Collection").selectOption({ label: everywhere ?? "" });
  await page.getByText(/48 pictures for “an apple”, best first/).waitFor();
  await picturesLoaded();
  await shoot("18-all-collections");
  const collections = await page.locator("ol.grid dd.name").allInnerTexts();
  expect(collections).toHaveLength(48);
  expect(new Set(collections)).toEqual(new Set(["some", "from my disk"]));
  await page.reload();
  await page.getByText(/48 pictures for “an apple”, best first/).waitFor();
  await page.getByLabel("Collection").selectOption("from my disk");
  await page.getByText(/6 pictures for “an apple”, best first/).waitFor();

  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("button", { name: "Add pictures" }).click();
  await dialog.getByText("They join the pictures of “from my disk”.").waitFor();
  await shoot("19-add-telephone");
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.setViewportSize({ width: 1280, height: 900 });
});

test("asks for a key once the gateway does, keeps it in the tab alone, and forgets it on demand", async () => {
  await page.goto(`${stack.url}/?q=a+red+apple&corpus=some`);
  await page.getByText(/pictures for “a red apple”, best first/).waitFor();
  expect(await page.getByRole("button", { name: "Forget the key" }).count()).toBe(0);
  const make = ["keys", "create", "--name", "the page", "--role", "VIEWER"];
  const [made] = await medleyRecords<{ id: string; key: string }>(make, { home: home.path });
  await until(
    async () => (await fetch(`${stack.url}/graphql?query={__typename}`)).status === 401,
    10_000,
    "a key is needed",
  );
  expectedRefusal = 401;
  await page.reload();
  const field = page.getByLabel("API key");
  await field.waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "key");
  expect(await page.locator("ol.grid").count()).toBe(0);
  await shoot("12-key-wanted");

  await page.keyboard.type(`medley_${"A".repeat(43)}`);
  await page.keyboard.press("Enter");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  expect(await alert.innerText()).toContain("The key was not accepted.");
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  await shoot("13-key-refused");

  await field.fill(made?.key ?? "");
  await page.keyboard.press("Enter");
  await page.getByText(/pictures for “a red apple”, best first/).waitFor();
  await picturesLoaded();
  await page.waitForFunction(() => document.activeElement?.id === "results");
  await shoot("14-key-accepted");
  await page.locator("ol.grid > li a").first().click();
  await page.getByRole("dialog").getByRole("heading", { name: "Captions" }).waitFor();
  await picturesLoaded();
  await page.keyboard.press("Escape");
  await page.reload();
  await page.getByText(/pictures for “a red apple”, best first/).waitFor();
  await picturesLoaded();
  // GraphiQL, of the same origin, keeps its own things in the local storage.
  const kept = await page.evaluate(() => JSON.stringify(localStorage) + document.cookie);
  expect(kept).not.toContain("medley_");

  await page.getByRole("button", { name: "Forget the key" }).click();
  await field.waitFor();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  expect(await alert.count()).toBe(0);
  await page.setViewportSize({ width: 390, height: 844 });
  await shoot("15-key-telephone");
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  await page.setViewportSize({ width: 1280, height: 900 });

  await field.fill(made?.key ?? "");
  await page.keyboard.press("Enter");
  await page.getByText(/pictures for “a red apple”, best first/).waitFor();
  await medley(["keys", "revoke", made?.id ?? ""], { home: home.path });
  await page.getByRole("searchbox").fill("a polar bear");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await alert.waitFor();
  expect(await alert.innerText()).toContain("The key was not accepted.");
});

test("never wrote an error to the console, nor asked another host", () => {
  expect(problems, problems.join("\n")).toEqual([]);
});
