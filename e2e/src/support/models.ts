import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES } from "./medley.ts";

/** A model set of tiny checkpoints with random weights: every role, in milliseconds a picture. Returns its file. */
export function writeRandomModels(folder: string): string {
  const checkpoint = (name: string) => ({ checkpoint: join(FIXTURES, name) });
  const models = {
    name: "random",
    roles: {
      retrieval: checkpoint("retrieval-square"),
      captioner: checkpoint("captioner"),
      answerer: checkpoint("answerer"),
    },
  };
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "medley.models.json");
  writeFileSync(file, JSON.stringify(models));
  return file;
}
