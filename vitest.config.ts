import { defineConfig } from "vitest/config";

// One configuration for every project: each runs it with its own folder as the root (see the "test" scripts).
export default defineConfig({
  test: {
    include: ["src/**/*.test.ts"],
    passWithNoTests: true,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
