import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { requestGraphql } from "./graphql-client.ts";
import { apiKeyState, forgetApiKey, readPastedKey, refuseApiKey, rememberApiKey } from "./api-key.ts";

const signal = new AbortController().signal;
const stored = new Map<string, string>();
beforeEach(() => {
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
    removeItem: (name: string) => void stored.delete(name),
  });
  forgetApiKey();
});
afterEach(() => vi.unstubAllGlobals());

/** A gateway that knows one key. */
function serveKey(known: string): (string | null)[] {
  const shown: (string | null)[] = [];
  vi.stubGlobal("fetch", async (_url: string, { headers }: { headers: HeadersInit }) => {
    const authorization = new Headers(headers).get("authorization");
    shown.push(authorization);
    if (authorization === `Bearer ${known}`) return Response.json({ data: { ok: true } });
    const error = { message: "Show a key.", extensions: { code: "UNAUTHENTICATED" } };
    return Response.json({ errors: [error] }, { status: 401 });
  });
  return shown;
}

test("asks for a key only when the gateway does, shows it from then on, and forgets it on demand", async () => {
  const shown = serveKey("medley_good");
  expect(apiKeyState().wanted).toBeNull();
  await expect(requestGraphql("{ ok }", {}, signal)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  expect(apiKeyState()).toMatchObject({ key: null, wanted: "Show a key." });
  rememberApiKey("medley_bad");
  expect(apiKeyState().wanted).toBeNull();
  await expect(requestGraphql("{ ok }", {}, signal)).rejects.toThrow("Show a key.");
  expect(apiKeyState().wanted).toBe("Show a key.");
  rememberApiKey("medley_good");
  expect(await requestGraphql("{ ok }", {}, signal)).toEqual({ ok: true });
  expect(shown).toEqual([null, "Bearer medley_bad", "Bearer medley_good"]);
  expect([...stored.values()]).toEqual(["medley_good"]);
  forgetApiKey();
  expect([...stored.values()]).toEqual([]);
  expect(apiKeyState()).toMatchObject({ key: null, wanted: null });
});

test("does not blame a new key for what an older one was refused", () => {
  rememberApiKey("medley_new");
  refuseApiKey("medley_old", "Show a key.");
  refuseApiKey(null, "Show a key.");
  expect(apiKeyState().wanted).toBeNull();
});

test("keeps the key while the page is open where the browser stores nothing", () => {
  const forbidden = () => {
    throw new DOMException("forbidden", "SecurityError");
  };
  vi.stubGlobal("sessionStorage", { getItem: forbidden, setItem: forbidden, removeItem: forbidden });
  rememberApiKey("medley_good");
  expect(apiKeyState().key).toBe("medley_good");
});

test("takes a key with what is pasted along, and nothing that no header can carry", () => {
  expect(readPastedKey("  medley_abc\n")).toBe("medley_abc");
  expect(readPastedKey("Bearer medley_abc")).toBe("medley_abc");
  expect([readPastedKey(""), readPastedKey("two words"), readPastedKey("schlüssel")]).toEqual([null, null, null]);
});
