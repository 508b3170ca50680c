import { afterEach, expect, test, vi } from "vitest";
import { requestGraphql } from "./graphql-client.ts";

const signal = new AbortController().signal;
const answerWith = (body: string, status = 200) =>
  vi.stubGlobal("fetch", async () => new Response(body, { status, headers: { "content-type": "application/json" } }));
afterEach(() => vi.unstubAllGlobals());

test("gives the data of an answer", async () => {
  answerWith('{"data":{"corpora":[]}}');
  expect(await requestGraphql("{ corpora }", {}, signal)).toEqual({ corpora: [] });
});

test("rejects with the server's own words and code", async () => {
  answerWith('{"data":null,"errors":[{"message":"text is empty","extensions":{"code":"BAD_USER_INPUT"}}]}');
  await expect(requestGraphql("{ x }", {}, signal)).rejects.toMatchObject({
    message: "text is empty",
    code: "BAD_USER_INPUT",
  });
});

test("says that a server does not answer", async () => {
  vi.stubGlobal("fetch", async () => {
    throw new TypeError("fetch failed");
  });
  await expect(requestGraphql("{ x }", {}, signal)).rejects.toMatchObject({ code: "UNREACHABLE" });
});

test("names the status of an answer that is not GraphQL", async () => {
  answerWith("<html>Bad gateway</html>", 502);
  await expect(requestGraphql("{ x }", {}, signal)).rejects.toThrow("HTTP status 502");
  answerWith("{}");
  await expect(requestGraphql("{ x }", {}, signal)).rejects.toThrow("no data");
});
