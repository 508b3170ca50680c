import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sparticuz from "@sparticuz/chromium";
import { type Browser, chromium } from "playwright-core";

/** Screenshots of a run stay, so that a person can look at them; their folder is printed. */
export function createScreenshotFolder(): string {
  return process.env.MEDLEY_E2E_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "medley-screenshots-"));
}

/** The browser comes from npm and needs nothing of the system. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await sparticuz.executablePath(), args: sparticuz.args, headless: true });
}
