// Loaded before the main module of every process that `medley` starts (node --import): when the parent is gone, even by
// kill -9, the process stops in good order instead of living on unseen.
import { isMainThread } from "node:worker_threads";

if (isMainThread && process.channel) {
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel.unref();
}
