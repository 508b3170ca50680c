import { join, resolve } from "node:path";
import { z } from "zod";

/** Root of the checkout that this file runs from. */
const REPOSITORY = resolve(import.meta.dirname, "../../..");

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

function wholeNumber(minimum: number, maximum: number) {
  return z
    .string()
    .refine((text) => /^\d+$/.test(text) && Number(text) >= minimum && Number(text) <= maximum, {
      error: `a whole number from ${minimum} to ${maximum}`,
    })
    .transform(Number);
}

function url(...protocols: readonly string[]) {
  const expected = `a URL that starts with ${protocols.map((protocol) => `${protocol}://`).join(" or ")}`;
  return z.string().refine((text) => protocols.includes(URL.parse(text)?.protocol.slice(0, -1) ?? ""), expected);
}

/** PostgreSQL's own tools take a URL without a host when the server listens on a socket: postgresql://user:@/name?host=/folder */
const databaseUrl = z
  .string()
  .refine(
    (text) => /^postgres(ql)?:$/.test(URL.parse(text.replace(/^(\w+:\/\/[^/?#]*@)\//, "$1socket/"))?.protocol ?? ""),
    "a URL that starts with postgres:// or postgresql://",
  );

/** s3://BUCKET or s3://BUCKET/PREFIX as its two parts; a prefix ends with a slash. */
const bucketAddress = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w.-]+)*\/?$/, { error: "s3://BUCKET or s3://BUCKET/PREFIX" })
  // Clients of S3 that follow such parts would write elsewhere in the bucket, others into a key that no console can open.
  .refine((text) => !/\/\.{1,2}(\/|$)/.test(text), { error: 's3://BUCKET/PREFIX without a part "." or ".."' })
  .transform((text) => {
    const [, bucket = "", rest = ""] = /^s3:\/\/([^/]+)\/?(.*?)\/?$/.exec(text) ?? [];
    return { bucket, prefix: rest === "" ? "" : `${rest}/` };
  });

const path = z.string().refine((text) => !text.includes("\0"), { error: "a path" });
/** Every process makes folders there, and Node's recursive mkdir never ends in /proc, where nothing can be kept either (Node 24.21). */
const homePath = path.refine((text) => !/^\/proc(\/|$)/.test(resolve(text)), { error: "a folder outside of /proc" });
const logLevel = z.enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(", ")}` });
const host = z.string().regex(/^[\w.:-]+$/, { error: "a host name or an IP address" });
const providers = z
  .string()
  .regex(/^[a-z]+(,[a-z]+)*$/, { error: "names of execution providers with commas between them, such as cuda,cpu" })
  .transform((text): readonly string[] => text.split(","));

const addressRange = z.union([z.cidrv4(), z.cidrv6()]);
const addressRanges = z
  .string()
  .transform((text): readonly string[] => text.split(",").map((range) => range.trim()))
  .refine((ranges) => ranges.every((range) => addressRange.safeParse(range).success), {
    error: "ranges of addresses in CIDR notation with commas between them, such as 10.1.0.0/16,fd12::/48",
  });

/** Of the characters that the header Authorization can carry. */
const secretText = z.string().regex(/^[\w.~+/=-]{32,}$/, {
  error: "at least 32 letters and digits that nobody can guess, such as `openssl rand -base64 32` writes",
});

/** fetch refuses addresses with a password in them, and logs would show it. */
const collectorUrl = z
  .string()
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), {
    error: "a URL that starts with http:// or https://, such as http://127.0.0.1:4318",
    abort: true,
  })
  .refine((text) => URL.parse(text)?.username === "" && URL.parse(text)?.password === "", {
    error: "a URL without user name and password, which belong into OTEL_EXPORTER_OTLP_HEADERS",
  });

/** As OpenTelemetry writes lists: NAME=VALUE with commas between, the values percent-encoded. */
function namedValues(name: RegExp) {
  return z.string().transform((text, context): Readonly<Record<string, string>> => {
    const pairs = text.split(",").filter((pair) => pair.trim() !== "");
    const parsed = pairs.map((pair) => [pair.slice(0, pair.indexOf("=")).trim(), valueIn(pair)] as const);
    if (pairs.every((pair) => pair.includes("=")) && parsed.every(([key, value]) => name.test(key) && value !== null)) {
      return Object.fromEntries(parsed) as Record<string, string>;
    }
    context.addIssue("NAME=VALUE with commas between several, and values percent-encoded");
    return z.NEVER;
  });
}

function valueIn(pair: string): string | null {
  try {
    const value = decodeURIComponent(pair.slice(pair.indexOf("=") + 1).trim());
    return /[\r\n\0]/.test(value) ? null : value;
  } catch {
    return null;
  }
}

const ratio = z
  .string()
  .refine((text) => /^\d*\.?\d+$/.test(text) && Number(text) <= 1, { error: "a number from 0 to 1, such as 0.1" })
  .transform(Number);

/** Every variable that Medley reads, in the order of .env.example. `meta.description` is the comment there. */
const environmentSchema = z.object({
  MEDLEY_HOME: homePath
    .default("./.medley")
    .meta({ description: "Folder of all state; relative to the working directory." }),
  MEDLEY_PORT: wholeNumber(0, 65_535).default(4000).meta({ description: "Port of GraphQL and the web page (0: any)." }),
  MEDLEY_HOST: host.default("127.0.0.1").meta({ description: "Address that the gateway listens on (0.0.0.0: all)." }),
  DATABASE_URL: databaseUrl
    .optional()
    .meta({ description: "PostgreSQL with pgvector; unset: the embedded database in MEDLEY_HOME." }),
  DATABASE_MAX_CONNECTIONS: wholeNumber(1, 200).default(4).meta({
    description: "Connections of each process to a PostgreSQL server (the embedded database decides itself).",
  }),
  MEDLEY_BLOBS: bucketAddress.optional().meta({
    description: "Bucket for the bytes of pictures, such as s3://pictures/medley; unset: folders in MEDLEY_HOME.",
  }),
  S3_ENDPOINT: url("http", "https").optional().meta({
    description:
      "S3-compatible service with that bucket; unset: AWS. Credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
  }),
  AWS_REGION: z
    .string()
    .regex(/^[a-z0-9-]+$/, { error: "a region such as eu-central-1" })
    .default("us-east-1")
    .meta({ description: "Region of the bucket." }),
  INFERENCE_URL: url("http", "https")
    .optional()
    .meta({ description: "Inference server that the gateway and ingest use; unset: the one medley starts." }),
  INFERENCE_HOST: host.default("127.0.0.1").meta({ description: "Address that the inference server listens on." }),
  INFERENCE_PORT: wholeNumber(0, 65_535)
    .default(0)
    .meta({ description: "Port of the inference server (0: any free)." }),
  MEDLEY_MODELS: path.default("assets/model/medley.models.json").meta({
    description: "Model set: medley.models.json, a checkpoint folder or file. Default: relative to the project.",
  }),
  HF_ENDPOINT: url("http", "https")
    .default("https://huggingface.co")
    .meta({ description: "Model hub that `medley models pull` asks." }),
  HF_TOKEN: z.string().optional().meta({ description: "Token for private and gated models of that hub." }),
  MEDLEY_PROVIDERS: providers
    .default(["cpu"])
    .meta({ description: "ONNX Runtime execution providers in order: cpu, cuda, webgpu. A missing one is an error." }),
  INFERENCE_WORKERS: wholeNumber(1, 256)
    .optional()
    .meta({ description: "Worker threads with models; unset: fitted to the machine." }),
  INFERENCE_THREADS: wholeNumber(1, 256)
    .optional()
    .meta({ description: "Threads of each worker; unset: fitted to the machine." }),
  INFERENCE_MAX_QUEUE: wholeNumber(1, 1_000_000)
    .default(1024)
    .meta({ description: "Items that may wait for the models before calls are refused as OVERLOADED." }),
  INFERENCE_DEADLINE_MS: wholeNumber(1, 86_400_000)
    .default(120_000)
    .meta({ description: "Time limit of a call to the models that names none, in milliseconds." }),
  MEDLEY_SEARCH_DEADLINE_MS: wholeNumber(1, 86_400_000)
    .default(30_000)
    .meta({ description: "Time limit of one search, in milliseconds." }),
  MEDLEY_HOT_TIER_FROM: wholeNumber(0, 1_000_000_000).default(20_000).meta({
    description:
      "Vectors of a corpus from which on the gateway keeps a copy of them in memory, 300 bytes each, and searches there (0: never).",
  }),
  MEDLEY_MAX_PIXELS: wholeNumber(1, 4_000_000_000)
    .default(100_000_000)
    .meta({ description: "Largest picture that is decoded, width times height." }),
  MEDLEY_MAX_BYTES: wholeNumber(1, 4_000_000_000)
    .default(67_108_864)
    .meta({ description: "Largest picture file that is accepted, in bytes." }),
  MEDLEY_UPLOAD_KEY: z
    .string()
    .min(32, { error: "at least 32 characters that nobody can guess" })
    .optional()
    .meta({ description: "Key that signs the URLs of uploads; unset: a random one, kept in MEDLEY_HOME/upload.key." }),
  MEDLEY_FETCH_ALLOW: addressRanges.default([]).meta({
    description: "Address ranges that pictures may be fetched from although they are not public, such as 10.1.0.0/16.",
  }),
  MEDLEY_SEARCH_URLS: z
    .enum(["on", "off"], { error: "on or off" })
    .default("on")
    .meta({ description: "Whether searches may name pictures by address, which the gateway then fetches: on, off." }),
  MEDLEY_ADMIN_KEY: secretText
    .optional()
    .meta({ description: "A key with the role ADMIN everywhere, for containers; others: medley keys create." }),
  MEDLEY_JWT_ISSUER: z
    .string()
    .optional()
    .meta({ description: "Issuer (iss) of the tokens that callers may show instead of a key, exactly as in them." }),
  MEDLEY_JWT_AUDIENCE: z.string().optional().meta({ description: "Audience (aud) that those tokens must name." }),
  MEDLEY_JWT_KEYS: z
    .string()
    .optional()
    .meta({ description: "Public keys of that issuer: an https URL of a JWKS document, or a file with one." }),
  MEDLEY_JWT_ROLE_CLAIM: z
    .string()
    .default("medley_role")
    .meta({ description: "Claim with the role, or a list with roles in it; dots lead into objects." }),
  MEDLEY_JWT_CORPORA_CLAIM: z.string().optional().meta({
    description: "Claim that lists the names of the corpora that the role is for; unset: it is for all.",
  }),
  MEDLEY_LINK_SECRET: secretText
    .optional()
    .meta({ description: "Seals links to pictures; set it when several gateways serve one library." }),
  MEDLEY_TRUSTED_PROXIES: addressRanges
    .default([])
    .meta({ description: "Address ranges of proxies whose X-Forwarded-For is believed, such as 10.1.0.0/16." }),
  MEDLEY_INTROSPECTION: z
    .enum(["on", "off"], { error: "on or off" })
    .default("on")
    .meta({ description: "Whether clients may read the schema through GraphQL: on, off." }),
  MEDLEY_OPERATIONS: path.optional().meta({
    description:
      "File with the only GraphQL operations that clients may send, as graphql-codegen or Apollo writes it; unset: any.",
  }),
  MEDLEY_MAX_COST_MS: wholeNumber(1, 86_400_000)
    .default(60_000)
    .meta({ description: "Dearest GraphQL operation that is run, in estimated milliseconds of models." }),
  MEDLEY_REQUEST_TIMEOUT_MS: wholeNumber(1, 86_400_000)
    .default(150_000)
    .meta({ description: "Time after which a GraphQL request gives up what it has asked of the models." }),
  MEDLEY_RATE_PER_KEY: wholeNumber(0, 1_000_000)
    .default(600)
    .meta({ description: "Requests a minute of one key or token (0: no limit); counts once access is closed." }),
  MEDLEY_RATE_PER_ADDRESS: wholeNumber(0, 1_000_000)
    .default(1200)
    .meta({ description: "Requests a minute of one address (0: no limit); counts once access is closed." }),
  MEDLEY_LOG_LEVEL: logLevel.default("info").meta({ description: `Log lines: ${LOG_LEVELS.join(", ")}.` }),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional().meta({
    description:
      "Collector that traces go to by OTLP over HTTP, such as http://127.0.0.1:4318; unset: nothing is traced.",
  }),
  OTEL_EXPORTER_OTLP_HEADERS: namedValues(/^[\w!#$%&'*+.^`|~-]+$/)
    .optional()
    .meta({
      description: "Headers for it, such as authorization=Bearer%20KEY, with commas between several.",
    }),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .enum(["http/protobuf", "http/json"], { error: "http/protobuf or http/json" })
    .default("http/protobuf")
    .meta({ description: "How traces are written for it: http/protobuf, http/json." }),
  OTEL_SERVICE_NAME: z.string().optional().meta({
    description: "Name of a process in traces; unset: medley-gateway, medley-inference, medley-ingest.",
  }),
  OTEL_RESOURCE_ATTRIBUTES: namedValues(/^[\w.\/-]+$/)
    .optional()
    .meta({
      description: "What every trace says about the process, such as deployment.environment.name=test.",
    }),
  OTEL_TRACES_SAMPLER_ARG: ratio.default(1).meta({
    description: "Share of traces that is recorded, from 0 to 1, of those that do not come with a request.",
  }),
});

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a deployment decides. All paths are absolute. */
export interface Settings {
  /** Folder of all state. */
  readonly home: string;
  readonly port: number;
  readonly host: string;
  /** Absent: the embedded database in `home`. */
  readonly databaseUrl?: string;
  readonly databaseMaxConnections: number;
  /** Absent: whoever needs models starts apps/inference or finds a running one in `runDirectory`. */
  readonly inferenceUrl?: string;
  readonly inferenceHost: string;
  readonly inferencePort: number;
  /** A medley.models.json, a checkpoint folder or a checkpoint file. */
  readonly modelsFile: string;
  /** Model hub, without a slash at its end. */
  readonly hubUrl: string;
  readonly hubToken?: string;
  readonly executionProviders: readonly string[];
  readonly inferenceWorkers?: number;
  readonly inferenceThreads?: number;
  readonly inferenceMaxQueuedItems: number;
  readonly inferenceDeadlineMs: number;
  readonly searchDeadlineMs: number;
  /** Vectors of a corpus from which on it is searched in memory; 0 is never. */
  readonly hotTierFrom: number;
  readonly maxPixels: number;
  readonly maxBytes: number;
  /** Signs the URLs of uploads. Absent: a key of its own in `home`. */
  readonly uploadKey?: string;
  /** CIDR ranges that are not public and that pictures may be fetched from all the same. */
  readonly fetchAllow: readonly string[];
  /** Whether searches may name pictures by address. */
  readonly searchUrls: boolean;
  /** A key from the environment with the role ADMIN everywhere. */
  readonly adminKey?: string;
  /** Absent: no tokens are taken. */
  readonly jwt?: JwtSettings;
  /** Absent: every start of a gateway makes its own, and earlier links end there. */
  readonly linkSecret?: string;
  /** CIDR ranges. */
  readonly trustedProxies: readonly string[];
  readonly introspection: boolean;
  /** Absent: clients may send any operation. */
  readonly operationsFile?: string;
  readonly maxCostMs: number;
  readonly requestTimeoutMs: number;
  /** Requests a minute; 0 is no limit, here and below. */
  readonly ratePerKey: number;
  readonly ratePerAddress: number;
  readonly logLevel: LogLevel;
  /** Absent: nothing is traced. */
  readonly tracing?: TraceSettings;
  readonly blobDirectory: string;
  readonly thumbnailDirectory: string;
  /** Bucket that holds what these two folders would; absent: they do. */
  readonly s3?: S3Settings;
  /** What has come of uploads that are not complete. */
  readonly uploadDirectory: string;
  readonly tokenDirectory: string;
  readonly graphDirectory: string;
  /** Files that the gateway maps while it searches in memory; empty otherwise. */
  readonly scanDirectory: string;
  /** Checkpoints that were pulled from a hub. */
  readonly modelDirectory: string;
  /** Files by which processes of one installation find each other, such as inference.json. */
  readonly runDirectory: string;
  /** Root of the checkout. */
  readonly repository: string;
}

/** A bucket of an S3-compatible service. */
export interface S3Settings {
  readonly bucket: string;
  /** What its keys begin with, with a slash at the end; empty for the whole bucket. */
  readonly prefix: string;
  /** Absent: AWS in that region. */
  readonly endpoint?: string;
  readonly region: string;
}

/** Where traces go, and which. */
export interface TraceSettings {
  /** Takes POST requests of OTLP. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: "http/protobuf" | "http/json";
  /** Absent: each process has its own. */
  readonly serviceName?: string;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  /** From 0 to 1. */
  readonly sampleRatio: number;
}

/** Whose tokens are believed, and where they say what their bearer may do. */
export interface JwtSettings {
  readonly issuer: string;
  readonly audience: string;
  /** An https URL or an absolute path. */
  readonly keys: string;
  readonly roleClaim: string;
  /** Absent: the role is for all corpora. */
  readonly corporaClaim?: string;
}

/** The environment does not say what Medley needs; the message has one line for each wrong variable. */
export class SettingsError extends Error {
  readonly code = "INVALID_SETTINGS";
  readonly retryable = false;

  constructor(message: string) {
    super(message);
    this.name = "SettingsError";
  }
}

const TRACES_TO = "OTEL_EXPORTER_OTLP_ENDPOINT";

/** Parses the environment once; an empty variable counts as unset. Throws SettingsError. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const set = Object.entries(env).filter(([, value]) => value !== undefined && value !== "");
  // A machine sets these for all its programs. Where nothing is traced, what this one cannot read of them is no reason not to start.
  const isTraced = set.some(([name]) => name === TRACES_TO);
  const given = Object.fromEntries(set.filter(([name]) => isTraced || !name.startsWith("OTEL_")));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) throw new SettingsError(parsed.error.issues.map((issue) => complaint(issue, given)).join("\n"));
  const value = parsed.data;
  const home = resolve(value.MEDLEY_HOME);
  return Object.freeze({
    home,
    port: value.MEDLEY_PORT,
    host: value.MEDLEY_HOST,
    ...(value.DATABASE_URL !== undefined && { databaseUrl: value.DATABASE_URL }),
    databaseMaxConnections: value.DATABASE_MAX_CONNECTIONS,
    ...(value.INFERENCE_URL !== undefined && { inferenceUrl: value.INFERENCE_URL.replace(/\/+$/, "") }),
    inferenceHost: value.INFERENCE_HOST,
    inferencePort: value.INFERENCE_PORT,
    modelsFile: given.MEDLEY_MODELS ? resolve(given.MEDLEY_MODELS) : join(REPOSITORY, value.MEDLEY_MODELS),
    hubUrl: value.HF_ENDPOINT.replace(/\/+$/, ""),
    ...(value.HF_TOKEN !== undefined && { hubToken: value.HF_TOKEN }),
    executionProviders: Object.freeze([...value.MEDLEY_PROVIDERS]),
    ...(value.INFERENCE_WORKERS !== undefined && { inferenceWorkers: value.INFERENCE_WORKERS }),
    ...(value.INFERENCE_THREADS !== undefined && { inferenceThreads: value.INFERENCE_THREADS }),
    inferenceMaxQueuedItems: value.INFERENCE_MAX_QUEUE,
    inferenceDeadlineMs: value.INFERENCE_DEADLINE_MS,
    searchDeadlineMs: value.MEDLEY_SEARCH_DEADLINE_MS,
    hotTierFrom: value.MEDLEY_HOT_TIER_FROM,
    maxPixels: value.MEDLEY_MAX_PIXELS,
    maxBytes: value.MEDLEY_MAX_BYTES,
    ...(value.MEDLEY_UPLOAD_KEY !== undefined && { uploadKey: value.MEDLEY_UPLOAD_KEY }),
    fetchAllow: Object.freeze([...value.MEDLEY_FETCH_ALLOW]),
    searchUrls: value.MEDLEY_SEARCH_URLS === "on",
    ...(value.MEDLEY_ADMIN_KEY !== undefined && { adminKey: value.MEDLEY_ADMIN_KEY }),
    ...jwtSettings(value),
    ...(value.MEDLEY_LINK_SECRET !== undefined && { linkSecret: value.MEDLEY_LINK_SECRET }),
    trustedProxies: Object.freeze([...value.MEDLEY_TRUSTED_PROXIES]),
    introspection: value.MEDLEY_INTROSPECTION === "on",
    ...(value.MEDLEY_OPERATIONS !== undefined && { operationsFile: resolve(value.MEDLEY_OPERATIONS) }),
    maxCostMs: value.MEDLEY_MAX_COST_MS,
    requestTimeoutMs: value.MEDLEY_REQUEST_TIMEOUT_MS,
    ratePerKey: value.MEDLEY_RATE_PER_KEY,
    ratePerAddress: value.MEDLEY_RATE_PER_ADDRESS,
    logLevel: value.MEDLEY_LOG_LEVEL,
    ...traceSettings(value),
    ...s3Settings(value),
    blobDirectory: join(home, "blobs"),
    thumbnailDirectory: join(home, "thumbnails"),
    uploadDirectory: join(home, "uploads"),
    tokenDirectory: join(home, "tokens"),
    graphDirectory: join(home, "graphs"),
    scanDirectory: join(home, "scan"),
    modelDirectory: join(home, "models"),
    runDirectory: join(home, "run"),
    repository: REPOSITORY,
  });
}

function s3Settings(value: z.infer<typeof environmentSchema>): { s3?: S3Settings } {
  const { MEDLEY_BLOBS: address, S3_ENDPOINT: endpoint, AWS_REGION: region } = value;
  if (address === undefined) return {};
  return { s3: { ...address, region, ...(endpoint !== undefined && { endpoint: endpoint.replace(/\/+$/, "") }) } };
}

function traceSettings(value: z.infer<typeof environmentSchema>): { tracing?: TraceSettings } {
  const endpoint = value.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return {};
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
  const { OTEL_SERVICE_NAME: serviceName } = value;
  const tracing = {
    url: url.href,
    headers: value.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    protocol: value.OTEL_EXPORTER_OTLP_PROTOCOL,
    resourceAttributes: value.OTEL_RESOURCE_ATTRIBUTES ?? {},
    sampleRatio: value.OTEL_TRACES_SAMPLER_ARG,
  };
  return { tracing: { ...tracing, ...(serviceName !== undefined && { serviceName }) } };
}

/** All three or none: a token whose audience nobody looks at was perhaps made for another service. */
function jwtSettings(value: z.infer<typeof environmentSchema>): { jwt?: JwtSettings } {
  const { MEDLEY_JWT_ISSUER: issuer, MEDLEY_JWT_AUDIENCE: audience, MEDLEY_JWT_KEYS: keys } = value;
  const wanted = { MEDLEY_JWT_ISSUER: issuer, MEDLEY_JWT_AUDIENCE: audience, MEDLEY_JWT_KEYS: keys };
  if (issuer === undefined && audience === undefined && keys === undefined) return {};
  if (issuer === undefined || audience === undefined || keys === undefined) {
    const missing = Object.entries(wanted).filter(([, text]) => text === undefined);
    const names = missing.map(([name]) => name).join(" and ");
    throw new SettingsError(
      `${names} is unset, expected a value because other settings of tokens (MEDLEY_JWT_...) are set.`,
    );
  }
  const isUrl = /^[a-z]+:\/\//i.test(keys);
  if (isUrl && !/^https:\/\//i.test(keys) && !isLoopbackUrl(keys)) {
    throw new SettingsError(
      `MEDLEY_JWT_KEYS is "${keys}", expected an https URL or a file. Keys that come unencrypted can be exchanged on the way.`,
    );
  }
  const { MEDLEY_JWT_ROLE_CLAIM: roleClaim, MEDLEY_JWT_CORPORA_CLAIM: corporaClaim } = value;
  const jwt = { issuer, audience, keys: isUrl ? keys : resolve(keys), roleClaim };
  return { jwt: { ...jwt, ...(corporaClaim !== undefined && { corporaClaim }) } };
}

function isLoopbackUrl(text: string): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(URL.parse(text)?.hostname ?? "");
}

/** The text of .env.example: each variable with its comment and its default. */
export function environmentExample(): string {
  const entries = Object.entries(environmentSchema.shape).map(([name, schema]) => {
    const fallback = schema.safeParse(undefined).data;
    return `# ${schema.meta()?.description}\n# ${name}=${fallback ?? ""}\n`;
  });
  return `# Settings of Medley. Copy to .env and uncomment what you change; the values shown are the defaults.\n\n${entries.join("\n")}`;
}

/** Errors end up in logs. */
const SECRETS: ReadonlySet<string> = new Set([
  "MEDLEY_ADMIN_KEY",
  "MEDLEY_LINK_SECRET",
  "MEDLEY_UPLOAD_KEY",
  "HF_TOKEN",
  "OTEL_EXPORTER_OTLP_HEADERS",
]);

function complaint(issue: z.core.$ZodIssue, given: Readonly<Record<string, string | undefined>>): string {
  const name = String(issue.path[0]);
  if (SECRETS.has(name)) return `${name} has ${given[name]?.length} characters, expected ${issue.message}.`;
  return `${name} is "${withoutPassword(given[name] ?? "")}", expected ${issue.message}. Change it, or unset it to use the default.`;
}

function withoutPassword(text: string): string {
  return text.replace(/:\/\/([^:@/]*):[^@]*@/, "://$1:***@");
}

/** For the main of a server: the settings, or the complaints on standard error and exit code 2. */
export function readSettingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
