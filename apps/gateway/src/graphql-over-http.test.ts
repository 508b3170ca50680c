import { createHash } from "node:crypto";
import { serverAudits } from "graphql-http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_BODY_BYTES } from "./limits.ts";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

// Nothing here reaches the database or a model: the requests are refused before, or ask for __typename only.
let gateway: ServedGateway;
beforeAll(async () => {
  gateway = await serveGateway({});
});
afterAll(() => gateway?.[Symbol.asyncDispose]());

/** Browsers cannot send this header across origins without asking first, which is what keeps GET requests safe. */
const preflighted = (url: string, init: RequestInit = {}) =>
  fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), "apollo-require-preflight": "1" } });

describe("follows GraphQL over HTTP", () => {
  const audits = serverAudits({ url: () => `${gateway.url}/graphql`, fetchFn: preflighted });
  test("has all 61 audits", () => expect(audits).toHaveLength(61));
  for (const audit of audits) {
    test(`${audit.id} ${audit.name}`, async () => {
      const outcome = await audit.fn();
      expect(outcome.status, "reason" in outcome ? outcome.reason : "").toBe("ok");
    });
  }
});

describe("refuses", () => {
  const post = (body: string, headers: Record<string, string> = { "content-type": "application/json" }) =>
    fetch(`${gateway.url}/graphql`, { method: "POST", headers, body });

  test("requests that another site could make a browser send", async () => {
    const simple = await post('{"query":"{ __typename }"}', { "content-type": "text/plain" });
    expect(simple.status).toBe(400);
    const get = await fetch(`${gateway.url}/graphql?query=%7B__typename%7D`);
    expect(get.status).toBe(400);
    expect(await get.text()).toContain("CSRF");
  });

  test("a body that is not JSON, without a stack trace", async () => {
    const reply = await post("{");
    expect(reply.status).toBe(400);
    expect(await reply.text()).not.toContain("node_modules");
  });

  test("a body above one megabyte", async () => {
    const reply = await post(JSON.stringify({ query: `{ __typename } # ${"x".repeat(MAX_BODY_BYTES)}` }));
    expect(reply.status).toBe(413);
    const { errors } = JSON.parse(await reply.text()) as { errors: { message: string }[] };
    expect(errors[0]?.message).toMatch(/^The body has 10000\d\d bytes, expected at most 1000000\./);
  });

  test("more than 2000 tokens", async () => {
    const { errors } = await gateway.graphql(`{ ${"__typename ".repeat(2000)} }`);
    expect(errors?.[0]?.message).toContain("2000 tokens");
  });

  test("more than 12 levels, also through fragments", async () => {
    const nest = (levels: number): string => (levels === 0 ? "text" : `captions { ${nest(levels - 1)} }`);
    const deep = await gateway.graphql(`{ image(id: "1") { ${nest(12)} } }`);
    expect(deep.errors?.map(({ message }) => message)).toContain(
      "The operation is 14 fields deep, expected at most 12.",
    );
    const hidden = await gateway.graphql(
      `{ image(id: "1") { ...A } } fragment A on Image { ${nest(6).replace("text", "...B")} } fragment B on Caption { ${nest(6)} }`,
    );
    expect(hidden.errors?.map(({ message }) => message).join()).toContain("fields deep, expected at most 12");
  });

  test("more than 20 root fields, so that aliases cannot start hundreds of searches", async () => {
    const aliases = Array.from({ length: 21 }, (_, index) => `a${index}: corpora { name }`).join(" ");
    const { errors } = await gateway.graphql(`{ ${aliases} }`);
    expect(errors?.[0]?.message).toBe("The operation has 21 root fields, expected at most 20.");
    const spread = await gateway.graphql(`{ ...A ...A } fragment A on Query { ${aliases.slice(0, 250)} }`);
    expect(spread.errors).toBeDefined();
  });

  test("fragments that spread themselves, without hanging", async () => {
    const { errors } = await gateway.graphql("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }");
    expect(errors?.[0]?.extensions["code"]).toBe("GRAPHQL_VALIDATION_FAILED");
  });

  test("paths that lead out of the folder of the page", async () => {
    const reply = await fetch(`${gateway.url}/assets/..%2f..%2fpackage.json`);
    expect(reply.status).toBe(404);
  });
});

describe("takes an operation by its hash", () => {
  const query = "query Persisted { __typename }";
  const sha256Hash = createHash("sha256").update(query).digest("hex");
  const ask = async (more: object, hash = sha256Hash) => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: hash } };
    const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
    const body = JSON.stringify({ extensions, ...more });
    return (await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body })).json();
  };

  test("once it has met it with its text, and says so before", async () => {
    expect(await ask({})).toMatchObject({ errors: [{ extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }] });
    expect(await ask({ query })).toMatchObject({ data: { __typename: "Query" } });
    expect(await ask({})).toMatchObject({ data: { __typename: "Query" } });
  });

  test("and none whose text has another hash", async () => {
    expect(await ask({ query }, "0".repeat(64))).toMatchObject({
      errors: [{ message: "provided sha does not match query", extensions: { code: "BAD_REQUEST" } }],
    });
    expect(await ask({}, "0".repeat(64))).toMatchObject({
      errors: [{ extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }],
    });
  });
});

test("answers the introspection query of GraphiQL", async () => {
  const { getIntrospectionQuery } = await import("graphql");
  const { data, errors } = await gateway.graphql(getIntrospectionQuery());
  expect(errors).toBeUndefined();
  expect(data.__schema.queryType.name).toBe("Query");
});

test("documents every type, field, argument and enum value of the schema", async () => {
  const { data } = await gateway.graphql(`{ __schema { types {
    name description
    fields { name description args { name description } }
    inputFields { name description }
    enumValues { name description }
  } } }`);
  const missing: string[] = [];
  for (const type of data.__schema.types) {
    if (type.name.startsWith("__")) continue;
    const members = [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])];
    if (!type.description) missing.push(type.name);
    for (const member of members) {
      if (!member.description) missing.push(`${type.name}.${member.name}`);
      for (const argument of member.args ?? []) {
        if (!argument.description) missing.push(`${type.name}.${member.name}(${argument.name})`);
      }
    }
  }
  expect(missing).toEqual([]);
});

test("serves GraphiQL as one page that loads nothing from elsewhere", async () => {
  const reply = await fetch(`${gateway.url}/graphiql`);
  expect(reply.headers.get("content-type")).toContain("text/html");
  expect(reply.headers.get("content-encoding")).toBe("gzip");
  const page = await reply.text();
  expect(page).toContain("Medley GraphiQL");
  expect(page.match(/<(script|link|img)[^>]*(src|href)="https?:/g)).toBeNull();
  const plain = await fetch(`${gateway.url}/graphiql`, { headers: { "accept-encoding": "identity" } });
  expect((await plain.text()).length).toBe(page.length);
});

test("is alive without database and models", async () => {
  const reply = await fetch(`${gateway.url}/healthz`);
  expect(await reply.json()).toEqual({ ok: true });
});

test("says how to build the page when it is not built", async () => {
  const reply = await fetch(gateway.url);
  expect(reply.status).toBe(503);
  expect(await reply.text()).toContain("npm run build");
});
