import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { createApiKey, revokeApiKey } from "@medley/storage";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createGateway } from "../server.ts";
import { serveGateway } from "../testing/serve.ts";
import { openAccess } from "./access.ts";

const ISSUER = "https://login.example/";
const AUDIENCE = "medley";
const LOOPBACK = { host: "127.0.0.1" };

const folder = mkdtempSync(join(tmpdir(), "medley-access-"));
const keysFile = join(folder, "keys.json");
let library: SampleLibrary;
let privateKey: CryptoKey;
let strangersKey: CryptoKey;
let document: { keys: object[] };
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 1 });
  const pair = await generateKeyPair("ES256");
  privateKey = pair.privateKey;
  strangersKey = (await generateKeyPair("ES256")).privateKey;
  document = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256", use: "sig" }] };
  writeFileSync(keysFile, JSON.stringify(document));
});
afterAll(async () => {
  await library?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const jwt = (more: object = {}) => ({ issuer: ISSUER, audience: AUDIENCE, keys: keysFile, roleClaim: "role", ...more });
const token = (claims: JWTPayload, key = privateKey) =>
  new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: "ann", exp: Math.floor(Date.now() / 1000) + 60, ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .sign(key);

// The tests before the first key: they need a library that nobody ever made a key for.

test("does not listen where others could come in without a key, and says what to do", async () => {
  const start = () => createGateway({ ...library, log: console } as never, { host: "0.0.0.0", port: 0 });
  await expect(start()).rejects.toMatchObject({ code: "MISCONFIGURED" });
  await expect(start()).rejects.toThrow('MEDLEY_HOST is "0.0.0.0"');
  await expect(start()).rejects.toThrow("medley keys create --name NAME --role ADMIN");
});

test("is open for programs of this machine, and to no other name", async () => {
  await using gateway = await serveGateway({ ...library });
  expect((await gateway.graphql("{ corpora { name } }")).data.corpora).toHaveLength(1);
  for (const host of ["evil.example", "127.0.0.1.evil.example"]) {
    const status = await new Promise((resolve) => {
      import("node:http").then(({ get }) =>
        get(`${gateway.url}/`, { headers: { host } }, (reply) => resolve(reply.statusCode)),
      );
    });
    expect(status, host).toBe(403);
  }
});

test("closes a running gateway with the first key, and does not open it with the end of the last", async () => {
  const access = await openAccess(library.db, LOOPBACK);
  expect(await access.isClosed()).toBe(false);
  const { secret, key } = await createApiKey(library.db, { name: "first", role: "VIEWER", corpusIds: null });
  await expect.poll(() => access.isClosed(), { timeout: 20_000 }).toBe(true);
  expect(await access.authenticate(`Bearer ${secret}`)).toMatchObject({ everywhere: "VIEWER" });
  await revokeApiKey(library.db, key.id);
  await expect(access.authenticate(`Bearer ${secret}`)).rejects.toMatchObject({ code: "UNAUTHENTICATED", status: 401 });
  await expect(access.authenticate(undefined)).rejects.toThrow('Send the header "Authorization: Bearer KEY"');
  expect(await (await openAccess(library.db, LOOPBACK)).isClosed()).toBe(true);
  await expect(openAccess(library.db, { host: "0.0.0.0" })).rejects.toMatchObject({ code: "MISCONFIGURED" });
});

test("takes the key of the environment for ADMIN, whole and exact", async () => {
  const adminKey = "k".repeat(40);
  const access = await openAccess(library.db, { host: "0.0.0.0", adminKey });
  expect(await access.isClosed()).toBe(true);
  expect(await access.authenticate(`Bearer ${adminKey}`)).toMatchObject({ everywhere: "ADMIN" });
  for (const wrong of [adminKey.slice(1), `${adminKey}k`, "k"]) {
    await expect(access.authenticate(`Bearer ${wrong}`)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  }
});

test("reads role and corpora from the claims of a token", async () => {
  const access = await openAccess(library.db, { host: "0.0.0.0", jwt: jwt({ corporaClaim: "corpora" }) });
  const corpora = [library.corpus.name, "nowhere", library.corpus.id.toUpperCase()];
  const viewer = await access.authenticate(`Bearer ${await token({ role: ["other", "curator", "viewer"], corpora })}`);
  expect(viewer).toEqual({
    id: "token ann",
    name: 'the token of "ann"',
    everywhere: null,
    byCorpus: new Map([[library.corpus.id, "CURATOR"]]),
  });
  const without = await access.authenticate(`Bearer ${await token({ role: "ADMIN" })}`);
  expect(without).toMatchObject({ everywhere: null, byCorpus: new Map() });
  const nested = await openAccess(library.db, { ...LOOPBACK, jwt: jwt({ roleClaim: "realm_access.roles" }) });
  const everywhere = await nested.authenticate(`Bearer ${await token({ realm_access: { roles: ["INGESTOR"] } })}`);
  expect(everywhere).toMatchObject({ everywhere: "INGESTOR" });
});

test("refuses tokens of others, for others, too old, unsigned, or signed with what everyone knows", async () => {
  const access = await openAccess(library.db, { ...LOOPBACK, jwt: jwt() });
  const claims = { role: "ADMIN" };
  const now = Math.floor(Date.now() / 1000);
  const unsigned = new UnsecuredJWT({ ...claims, iss: ISSUER, aud: AUDIENCE, sub: "ann", exp: now + 60 }).encode();
  const shared = await new SignJWT({ ...claims, iss: ISSUER, aud: AUDIENCE, sub: "ann", exp: now + 60 })
    .setProtectedHeader({ alg: "HS256", kid: "one" })
    .sign(Buffer.from(JSON.stringify(document.keys[0]).padEnd(32)));
  const good = await token(claims);
  const [head, , seal] = good.split(".");
  const changed = [head, Buffer.from(JSON.stringify({ role: "ADMIN" })).toString("base64url"), seal].join(".");
  for (const [what, text] of Object.entries({
    issuer: await token({ ...claims, iss: "https://evil.example/" }),
    audience: await token({ ...claims, aud: "another service" }),
    expired: await token({ ...claims, exp: now - 120 }),
    "not yet": await token({ ...claims, nbf: now + 600 }),
    "no end": await token({ ...claims, exp: undefined as never }),
    stranger: await token(claims, strangersKey),
    unsigned,
    shared,
    changed,
    nonsense: "a.b.c",
  })) {
    await expect(access.authenticate(`Bearer ${text}`), what).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  }
  expect(await access.authenticate(`Bearer ${good}`)).toMatchObject({ everywhere: "ADMIN" });
  await expect(access.authenticate(`Bearer ${await token({ role: "root" })}`)).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
});

test("fetches the issuer's keys from where they are published, and refuses while they cannot be read", async () => {
  let isUp = true;
  const server = createServer((_request, response) => {
    if (isUp) response.setHeader("content-type", "application/json").end(JSON.stringify(document));
    else response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const keys = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  const good = `Bearer ${await token({ role: "VIEWER" })}`;
  isUp = false;
  const access = await openAccess(library.db, { ...LOOPBACK, jwt: jwt({ keys }) });
  await expect(access.authenticate(good)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  isUp = true;
  expect(await access.authenticate(good)).toMatchObject({ everywhere: "VIEWER" });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("names the file of keys that cannot be read", async () => {
  const opening = openAccess(library.db, { ...LOOPBACK, jwt: jwt({ keys: join(folder, "missing.json") }) });
  await expect(opening).rejects.toThrow("expected a file with a JWKS document");
});
