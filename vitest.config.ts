import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Of a project that is also published, tests take the sources, and its users what was built of them.
// Otherwise what Node takes: not "module", which leads to files for bundlers that Node cannot load.
const conditions = ["medley-source", "node", "development|production"];

// One configuration for every project: each runs it with its own folder as the root (see the "test" scripts).
export default defineConfig({
  // The copy that Node takes. Vite's choice is another one, and graphql-js does not work with a schema of another copy.
  resolve: {
    conditions,
    alias: [
      { find: /^graphql$/, replacement: fileURLToPath(new URL("node_modules/graphql/index.js", import.meta.url)) },
    ],
  },
  ssr: { resolve: { conditions } },
  test: {
    include: ["src/**/*.test.ts"],
    passWithNoTests: true,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    // Creating an embedded database takes seconds of CPU; tests copy an empty one that the first of them makes.
    env: {
      MEDLEY_DATABASE_TEMPLATE: fileURLToPath(new URL("node_modules/.cache/medley-database-template", import.meta.url)),
    },
  },
});
