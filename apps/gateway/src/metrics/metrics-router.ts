import { Router } from "express";
import type { Access } from "../access/access.ts";
import { AccessError } from "../access/access-error.ts";
import { isOperator } from "../access/admit-requests.ts";
import type { GatewayMetrics } from "./metrics.ts";

/** `/metrics` in the text format of Prometheus, for programs on this machine and for ADMIN of the whole installation. */
export function createMetricsRouter({ registry }: GatewayMetrics, access: Access): Router {
  const router = Router();
  router.get("/metrics", async (request, response) => {
    if (!(await isOperator(request, access))) {
      const message = "Metrics are for programs on this machine and for the role ADMIN in every corpus.";
      throw new AccessError(request.get("Authorization") === undefined ? "UNAUTHENTICATED" : "FORBIDDEN", message);
    }
    response
      .set("Cache-Control", "no-store")
      .set("Content-Type", registry.contentType)
      .send(await registry.metrics());
  });
  return router;
}
