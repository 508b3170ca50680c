import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { generateTypes } from "./generate-types.ts";

test("keeps the generated types of the gateway, the page and the client as the schema and their documents say", async () => {
  const files = await generateTypes();
  expect(files).toHaveLength(4);
  for (const { path, text } of files) {
    expect(await readFile(path, "utf8"), `Run: npm run generate -w @medley/gateway (${path})`).toBe(text);
  }
});
