import { defineConfig } from "vitest/config";

// Every story starts real processes, models and a database: one after another, or they would take each other's processor.
export default defineConfig({
  test: {
    include: ["src/**/*.e2e.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: "forks",
    fileParallelism: false,
  },
});
