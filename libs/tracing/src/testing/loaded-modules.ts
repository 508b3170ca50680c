import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Sees which packages of OpenTelemetry a process loads that is started with this environment. */
export interface ModuleRecord {
  readonly environment: Readonly<Record<string, string>>;
  /** Names such as "sdk-trace", in order of the alphabet. Throws where no process looked. */
  packages(): string[];
}

export function recordModules(): ModuleRecord {
  const file = join(mkdtempSync(join(tmpdir(), "medley-modules-")), "loaded.txt");
  const hook = new URL("./record-modules.ts", import.meta.url).href;
  return {
    environment: { MEDLEY_LOADED_MODULES: file, NODE_OPTIONS: `--import ${hook}` },
    packages() {
      const lines = readFileSync(file, "utf8").trim().split("\n");
      const names = lines.flatMap((line) => /\/@opentelemetry\/([^/]+)\//.exec(line)?.[1] ?? []);
      return [...new Set(names)].sort();
    },
  };
}
