import { openTrace, within } from "@medley/tracing";
import type { RequestHandler } from "express";

/**
 * Makes each request a trace, or a part of the trace that its header `traceparent` names, until its answer is sent or its caller has gone.
 * @param route stands for the path, which may hold a key
 */
export function traceRequests(route: string): RequestHandler {
  return (request, response, next) => {
    const { method, headers } = request;
    const attributes = { "http.request.method": method, "http.route": route };
    const span = openTrace({ name: `${method} ${route}`, kind: "server", attributes }, headers);
    if (span === null) return next();
    response.once("close", () => {
      if (response.headersSent) span.set({ "http.response.status_code": response.statusCode });
      if (!response.writableFinished) span.fail("CALLER_GONE");
      else if (response.statusCode >= 500) span.fail(String(response.statusCode));
      span.end();
    });
    within(span, next);
  };
}
