// A worker for the crash tests: node step-worker.ts HOME DATABASE_URL CORPUS_ID SPACE_ID OWNER SEED. Claims steps and completes or
// fails them until none is left, printing a line for every completed batch. It is killed at any moment.
import { setTimeout as wait } from "node:timers/promises";
import { STEPS, StorageError, claimSteps, completeSteps, failStep, openDatabase } from "../index.ts";

const [home = "", databaseUrl = "", corpusId = "", spaceId = "", owner = "", seed = "0"] = process.argv.slice(2);
const database = await openDatabase({ home, databaseUrl: databaseUrl || undefined });

for (let round = Number(seed); ; round += 1) {
  const step = STEPS[round % STEPS.length] ?? "prepare";
  try {
    const claimed = await claimSteps(database, { corpusId, step, spaceId, limit: 4, leaseMs: 600_000, owner });
    const [first, ...rest] = claimed;
    if (first && round % 5 === 0) {
      const failure = { code: "PLANNED", message: "by the test", retryable: round % 2 === 0 };
      await failStep(database, { step, spaceId, imageId: first.imageId, ...failure });
    }
    const completed = first && round % 5 !== 0 ? claimed : rest;
    const imageIds = completed.map(({ imageId }) => imageId);
    if (imageIds.length > 0) {
      await completeSteps(database, { step, spaceId, imageIds });
      console.log(JSON.stringify({ step, imageIds }));
    }
    await wait(1);
  } catch (error) {
    if (!(error instanceof StorageError && error.retryable)) throw error;
  }
}
