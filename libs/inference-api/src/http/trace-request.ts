import { inTrace } from "@medley/tracing";
import type { HandlerRequest, HandlerResponse } from "./handler.ts";
import { TASKS } from "./tasks.ts";

/**
 * Does a request as a part of the trace that its caller sends along. One that is about models begins a trace where none was sent; probes, lists and
 * metrics, which are asked for all the time, do not.
 */
export function traceRequest(
  { method, path, headers = {} }: HandlerRequest,
  answer: () => Promise<HandlerResponse>,
): Promise<HandlerResponse> {
  const route = routeOf(path);
  if (route === null || (method !== "POST" && headers["traceparent"] === undefined)) return answer();
  const attributes = { "http.request.method": method, "http.route": route };
  return inTrace({ name: `${method} ${route}`, kind: "server", attributes }, headers, async (span) => {
    const response = await answer();
    span.set({ "http.response.status_code": response.status });
    if (response.status >= 500) span.fail(String(response.status));
    return response;
  });
}

/** The path without what callers chose; null for what there is nothing at. */
function routeOf(path: string): string | null {
  if (path === "/v2/models") return path;
  if (/^\/v2\/repository\/models\/[^/]+\/load$/.test(path)) return "/v2/repository/models/{model}/load";
  const task = /^\/v2\/models\/([^/]+)\/infer$/.exec(path)?.[1];
  return task !== undefined && TASKS.some(({ name }) => name === task) ? path : null;
}
