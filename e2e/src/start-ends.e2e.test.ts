import { expect, test } from "vitest";
import { createHome, freePort, killProcess, processesOf, processesWith, startMedley, until } from "./support/medley.ts";
import { writeRandomModels } from "./support/models.ts";

const INFERENCE = "apps/inference/src/main.ts";
const WORKER = "apps/ingest/src/main.ts work";

test("ends with a server's last words, and with every process of the installation, when the server dies again and again", async () => {
  await using home = createHome();
  const invocation = {
    home: home.path,
    models: writeRandomModels(home.path),
    env: { MEDLEY_PORT: String(await freePort()) },
  };
  const running = startMedley(["start", "--no-demo"], invocation);
  await until(() => processesWith(home.path, WORKER).length > 0, 60_000, "the ingest worker runs");
  const killed = new Set<number>();
  const killNext = () => {
    for (const pid of processesWith(home.path, INFERENCE)) {
      killed.add(pid);
      killProcess(pid, "SIGKILL");
    }
    return running.hasEnded();
  };
  await until(killNext, 60_000, "medley start gives up");
  const { code, stderr } = await running.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("The inference server died 5 times within a minute.");
  expect(killed.size).toBe(5);
  // The database ends by itself when nobody has come for ten seconds.
  await until(() => processesOf(home.path).length === 0, 30_000, "the last process has ended");
});
