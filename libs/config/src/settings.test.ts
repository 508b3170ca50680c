import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { environmentExample, readSettings, SettingsError } from "./settings.ts";

test("gives every setting a default when the environment is empty", () => {
  const settings = readSettings({});
  expect(settings.home).toBe(resolve(".medley"));
  expect(settings.port).toBe(4000);
  expect(settings.databaseUrl).toBeUndefined();
  expect(settings.modelsFile).toBe(resolve(import.meta.dirname, "../../../assets/model/medley.models.json"));
  expect(settings.blobDirectory).toBe(resolve(".medley/blobs"));
  expect(settings.executionProviders).toEqual(["cpu"]);
});

test("reads each variable into the unit and type that its name promises", () => {
  const settings = readSettings({
    MEDLEY_HOME: "/data/medley",
    MEDLEY_PORT: "0",
    INFERENCE_URL: "http://models:8000/",
    MEDLEY_PROVIDERS: "cuda,cpu",
    INFERENCE_WORKERS: "3",
    MEDLEY_MODELS: "elsewhere",
  });
  expect(settings).toMatchObject({ home: "/data/medley", port: 0, inferenceUrl: "http://models:8000" });
  expect(settings.executionProviders).toEqual(["cuda", "cpu"]);
  expect(settings.inferenceWorkers).toBe(3);
  expect(settings.runDirectory).toBe("/data/medley/run");
  expect(settings.modelsFile).toBe(resolve("elsewhere"));
});

test("reads the ranges that pictures may be fetched from, none unless it is told, and refuses what is no range", () => {
  const read = (ranges: string) => readSettings({ MEDLEY_FETCH_ALLOW: ranges }).fetchAllow;
  expect(read("")).toEqual([]);
  expect(read("10.1.0.0/16, ::1/128")).toEqual(["10.1.0.0/16", "::1/128"]);
  for (const wrong of ["10.0.0.0/33", "10.0.0.1", "localhost", "10.0.0.0/8,", "10.0.0.0/8;::1/128"]) {
    expect(() => read(wrong), wrong).toThrow(
      `MEDLEY_FETCH_ALLOW is "${wrong}", expected ranges of addresses in CIDR notation`,
    );
  }
});

test("takes an empty variable for an unset one", () => {
  expect(readSettings({ DATABASE_URL: "", MEDLEY_PORT: "" })).toMatchObject({ port: 4000 });
});

test("names variable, value and expectation of every wrong setting at once", () => {
  const read = () => readSettings({ MEDLEY_PORT: "70000", MEDLEY_LOG_LEVEL: "loud", INFERENCE_MAX_QUEUE: "1.5" });
  expect(read).toThrow(SettingsError);
  expect(read).toThrow('MEDLEY_PORT is "70000", expected a whole number from 0 to 65535.');
  expect(read).toThrow('MEDLEY_LOG_LEVEL is "loud", expected one of trace, debug, info, warn, error, silent.');
  expect(read).toThrow('INFERENCE_MAX_QUEUE is "1.5"');
});

test("refuses folders in which no folder can be made, and prefixes that lead elsewhere in a bucket", () => {
  expect(() => readSettings({ MEDLEY_HOME: "/proc/medley" })).toThrow(
    '"/proc/medley", expected a folder outside of /proc',
  );
  expect(() => readSettings({ MEDLEY_HOME: "/tmp/../proc" })).toThrow("outside of /proc");
  expect(readSettings({ MEDLEY_HOME: "/procession" }).home).toBe("/procession");
  for (const prefix of ["..", ".", "../x", "a/./b", "a/.."]) {
    const read = () => readSettings({ MEDLEY_BLOBS: `s3://pictures/${prefix}` });
    expect(read, prefix).toThrow('expected s3://BUCKET/PREFIX without a part "." or "..".');
  }
  expect(readSettings({ MEDLEY_BLOBS: "s3://pictures/a..b/.c" }).s3?.prefix).toBe("a..b/.c/");
});

test("does not repeat a password in an error", () => {
  expect(() => readSettings({ DATABASE_URL: "mysql://me:secret@host/x" })).toThrow("mysql://me:***@host/x");
});

test("does not repeat a secret in an error", () => {
  expect(() => readSettings({ MEDLEY_ADMIN_KEY: "hunter2" })).toThrow(
    "MEDLEY_ADMIN_KEY has 7 characters, expected at least 32 letters and digits",
  );
  expect(() => readSettings({ MEDLEY_LINK_SECRET: "hunter2" })).not.toThrow("hunter2");
  expect(() => readSettings({ MEDLEY_UPLOAD_KEY: "hunter2" })).toThrow(
    "MEDLEY_UPLOAD_KEY has 7 characters, expected at least 32",
  );
});

test("takes the settings of tokens together or not at all", () => {
  expect(readSettings({}).jwt).toBeUndefined();
  const jwt = { MEDLEY_JWT_ISSUER: "https://login.example/", MEDLEY_JWT_AUDIENCE: "medley" };
  expect(() => readSettings(jwt)).toThrow("MEDLEY_JWT_KEYS is unset");
  expect(() => readSettings({ MEDLEY_JWT_KEYS: "keys.json" })).toThrow("MEDLEY_JWT_ISSUER and MEDLEY_JWT_AUDIENCE");
  expect(readSettings({ ...jwt, MEDLEY_JWT_KEYS: "keys.json", MEDLEY_JWT_CORPORA_CLAIM: "corpora" }).jwt).toEqual({
    issuer: "https://login.example/",
    audience: "medley",
    keys: resolve("keys.json"),
    roleClaim: "medley_role",
    corporaClaim: "corpora",
  });
  const remote = "https://login.example/jwks";
  expect(readSettings({ ...jwt, MEDLEY_JWT_KEYS: remote }).jwt?.keys).toBe(remote);
  expect(() => readSettings({ ...jwt, MEDLEY_JWT_KEYS: "http://login.example/jwks" })).toThrow("expected an https URL");
});

test("traces nothing unless a collector is named, and refuses addresses and lists that are none", () => {
  // A machine sets these for all its programs.
  expect(readSettings({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_TRACES_SAMPLER_ARG: "0.5" }).tracing).toBeUndefined();
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector:4318/otlp/" };
  expect(readSettings(endpoint).tracing).toEqual({
    url: "https://collector:4318/otlp/v1/traces",
    headers: {},
    protocol: "http/protobuf",
    resourceAttributes: {},
    sampleRatio: 1,
  });
  const more = {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a=b, x-team=7",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_SERVICE_NAME: "search",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
  };
  expect(readSettings({ ...endpoint, ...more }).tracing).toMatchObject({
    headers: { authorization: "Bearer a=b", "x-team": "7" },
    protocol: "http/json",
    serviceName: "search",
    resourceAttributes: { "deployment.environment.name": "test" },
    sampleRatio: 0.25,
  });
  const refused = (name: string, value: string, says: string) =>
    expect(() => readSettings({ ...endpoint, [name]: value }), value).toThrow(says);
  for (const value of ["collector:4318", "grpc://collector", "4318"]) {
    refused("OTEL_EXPORTER_OTLP_ENDPOINT", value, `is "${value}", expected a URL that starts with http:// or https://`);
  }
  refused("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@host", '"http://me:***@host", expected a URL without user');
  for (const value of ["secret", "=secret", "a=%", "a=%0A", "b c=secret"]) {
    refused("OTEL_EXPORTER_OTLP_HEADERS", value, "characters, expected NAME=VALUE with commas");
  }
  refused("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 'is "grpc", expected http/protobuf or http/json');
  for (const value of ["1.5", "-1", "half"]) refused("OTEL_TRACES_SAMPLER_ARG", value, "expected a number from 0 to 1");
});

test("cannot be changed after it was read", () => {
  expect(() => Object.assign(readSettings({}), { port: 1 })).toThrow(TypeError);
});

test("lists every variable with its default in .env.example", () => {
  const committed = readFileSync(resolve(import.meta.dirname, "../../../.env.example"), "utf8");
  expect(committed).toBe(environmentExample());
});

test("takes the address of a database on a socket, which has no host", () => {
  for (const databaseUrl of [
    "postgresql://postgres:@/postgres?host=/var/run/postgresql",
    "postgres://me@/name?host=/tmp",
    "postgresql:///name?host=/tmp",
  ]) {
    expect(readSettings({ DATABASE_URL: databaseUrl })).toMatchObject({ databaseUrl });
  }
  expect(() => readSettings({ DATABASE_URL: "http://me@/name?host=/tmp" })).toThrow("postgresql://");
});
