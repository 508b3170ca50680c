import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

/**
 * Lets the gateway and the database go first: models take every core for seconds, those need one for milliseconds.
 * Linux weighs sessions against each other before processes (sched_autogroup), and each server has a session of its own, so
 * the priority of the process alone would do nothing there.
 */
export function yieldProcessor(): void {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  try {
    writeFileSync("/proc/self/autogroup", String(constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // Not Linux, or a kernel without autogroups: the priority of the process is what counts there.
  }
}
