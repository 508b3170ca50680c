import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Tests that look at the whole repository instead of one project; `npm test` runs them after the projects' own.
export default defineConfig({
  root: join(import.meta.dirname, ".."),
  test: {
    include: ["tools/**/*.test.mjs", "docker/**/*.test.mjs"],
    reporters: ["default", "json"],
    outputFile: { json: "tools/test-results.json" },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: "forks",
    maxWorkers: 1,
  },
});
