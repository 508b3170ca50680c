import nx from "@nx/eslint-plugin";
import tseslint from "typescript-eslint";

const native = ["onnxruntime-node", "pg", "pg-boss", "sharp", "@apollo/*"];
// Only libs/tracing loads it, and only when tracing was asked for.
const telemetry = ["@opentelemetry/*"];
const tracing = "layer:tracing";

// The import graph of ARCHITECTURE.md as a rule. Run it through Nx (npm run lint): without Nx's project graph it is skipped.
const boundaries = [
  { sourceTag: tracing, onlyDependOnLibsWithTags: [], bannedExternalImports: native },
  { sourceTag: "layer:base", onlyDependOnLibsWithTags: [tracing], bannedExternalImports: [...native, ...telemetry] },
  { sourceTag: "layer:model", onlyDependOnLibsWithTags: ["layer:model"], bannedExternalImports: native },
  {
    sourceTag: "layer:adapter",
    onlyDependOnLibsWithTags: ["layer:model", "layer:base", tracing],
    bannedExternalImports: telemetry,
  },
  {
    sourceTag: "layer:domain",
    onlyDependOnLibsWithTags: ["layer:adapter", "layer:base", tracing],
    bannedExternalImports: [...native, ...telemetry],
  },
  {
    // The client only for tests: what it may not be imported by is below.
    sourceTag: "layer:app",
    onlyDependOnLibsWithTags: ["layer:domain", "layer:adapter", "layer:base", "layer:model", "layer:client", tracing],
    bannedExternalImports: telemetry,
  },
  { sourceTag: "layer:client", onlyDependOnLibsWithTags: [], bannedExternalImports: native },
  {
    // The scan in memory is an ONNX graph too, in a thread of its own and without a model: the gateway may reach libs/onnx through it.
    sourceTag: "app:gateway",
    notDependOnLibsWithTags: ["holds:models"],
    bannedExternalImports: ["onnxruntime-node", "sharp", "pg", "pg-boss"],
  },
  {
    sourceTag: "app:ingest",
    notDependOnLibsWithTags: ["layer:model"],
    bannedExternalImports: ["onnxruntime-node", "sharp", "pg", "pg-boss"],
  },
  {
    sourceTag: "app:cli",
    onlyDependOnLibsWithTags: ["layer:domain", "layer:adapter", "layer:base", "layer:model"],
    bannedExternalImports: native,
  },
  { sourceTag: "layer:web", onlyDependOnLibsWithTags: [] },
  { sourceTag: "layer:e2e", onlyDependOnLibsWithTags: [] },
  { sourceTag: "layer:migrations", onlyDependOnLibsWithTags: [] },
  {
    sourceTag: "layer:benchmarks",
    onlyDependOnLibsWithTags: ["layer:model", "layer:adapter", "layer:base", "layer:domain"],
  },
];

const rule = { banTransitiveDependencies: true, allow: [], depConstraints: boundaries };

export default tseslint.config(
  { ignores: ["**/dist", "**/node_modules", "**/generated", "**/fixtures", "**/.venv", ".nx"] },
  ...tseslint.configs.recommended,
  { plugins: { "@nx": nx } },
  {
    files: ["**/*.ts", "**/*.tsx"],
    rules: {
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_" },
      ],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@nx/enforce-module-boundaries": ["error", rule],
    },
  },
  {
    // They import the package by its name, as its users do.
    files: ["**/client/examples/**"],
    rules: { "@nx/enforce-module-boundaries": ["error", { ...rule, allowCircularSelfDependency: true }] },
  },
  {
    files: ["**/*.ts"],
    ignores: ["**/*.test.ts", "**/client/examples/**"],
    rules: {
      "no-restricted-imports": ["error", { name: "@medley/client", message: "Servers do not call themselves." }],
    },
  },
);
