import { BinaryReader } from "@bufbuild/protobuf/wire";

/** A span as it came over the wire, in either encoding. */
export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "other";
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly failed: boolean;
}

const KINDS: Readonly<Record<number, ReceivedSpan["kind"]>> = { 1: "internal", 2: "server", 3: "client" };
const FAILED = 2;

/** Numbers of the members of opentelemetry.proto that are read here (trace/v1/trace.proto, common/v1/common.proto). */
export function readProtobufSpans(body: Uint8Array): ReceivedSpan[] {
  return messagesIn(body, 1).flatMap((resourceSpans) => {
    const [resource] = messagesIn(resourceSpans, 1);
    const service = String(resource ? readAttributes(resource, 1)["service.name"] : "");
    const spans = messagesIn(resourceSpans, 2).flatMap((scopeSpans) => messagesIn(scopeSpans, 2));
    return spans.map((span) => readSpan(service, span));
  });
}

function readSpan(service: string, bytes: Uint8Array): ReceivedSpan {
  const fields = fieldsOf(bytes);
  const first = (number: number) => fields.get(number)?.[0];
  const status = first(15);
  return {
    service,
    name: text(first(5)),
    kind: KINDS[Number(first(6))] ?? "other",
    traceId: hex(first(1)),
    spanId: hex(first(2)),
    parentSpanId: hex(first(4)),
    startedAt: milliseconds(first(7) as bigint),
    endedAt: milliseconds(first(8) as bigint),
    attributes: readAttributes(bytes, 9),
    links: messagesIn(bytes, 13).map((link) => {
      const members = fieldsOf(link);
      return { traceId: hex(members.get(1)?.[0]), spanId: hex(members.get(2)?.[0]) };
    }),
    failed: status instanceof Uint8Array && Number(fieldsOf(status).get(3)?.[0]) === FAILED,
  };
}

type Field = Uint8Array | bigint | number;

/** Every field of a message by its number, in order. */
function fieldsOf(bytes: Uint8Array): Map<number, Field[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const value =
      wireType === 0
        ? BigInt(reader.int64())
        : wireType === 1
          ? BigInt(reader.fixed64())
          : wireType === 2
            ? reader.bytes()
            : reader.fixed32();
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function messagesIn(bytes: Uint8Array, number: number): Uint8Array[] {
  return (fieldsOf(bytes).get(number) ?? []).filter((field) => field instanceof Uint8Array);
}

function readAttributes(bytes: Uint8Array, number: number): Record<string, unknown> {
  return Object.fromEntries(
    messagesIn(bytes, number).map((pair) => {
      const [value] = messagesIn(pair, 2);
      return [text(fieldsOf(pair).get(1)?.[0]), value && readValue(value)];
    }),
  );
}

function readValue(bytes: Uint8Array): unknown {
  const [[number, [value] = []] = []] = fieldsOf(bytes);
  if (number === 1) return text(value);
  if (number === 2) return Number(value) === 1;
  if (number === 4) return new DataView(new BigUint64Array([value as bigint]).buffer).getFloat64(0, true);
  if (number === 5) return messagesIn(value as Uint8Array, 1).map(readValue);
  return Number(value);
}

/** To the microsecond, which a number can hold. */
function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000;
}

function text(field: Field | undefined): string {
  return field instanceof Uint8Array ? Buffer.from(field).toString("utf8") : "";
}

function hex(field: Field | undefined): string {
  return field instanceof Uint8Array ? Buffer.from(field).toString("hex") : "";
}

interface JsonAttribute {
  readonly key: string;
  readonly value: JsonValue;
}

type JsonValue = { readonly arrayValue?: { readonly values: readonly JsonValue[] } } & Readonly<
  Record<string, unknown>
>;

interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly JsonAttribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number };
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[];
  }[];
}

export function readJsonSpans(body: Uint8Array): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(Buffer.from(body).toString("utf8")) as JsonRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId = "", name, kind, attributes, links = [], status, ...span }) => ({
        service: String(jsonAttributes(resource.attributes)["service.name"]),
        name,
        kind: KINDS[kind] ?? "other",
        ...{ traceId, spanId, parentSpanId },
        startedAt: milliseconds(BigInt(span.startTimeUnixNano)),
        endedAt: milliseconds(BigInt(span.endTimeUnixNano)),
        attributes: jsonAttributes(attributes),
        links: links.map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
        failed: status?.code === FAILED,
      })),
    ),
  );
}

function jsonAttributes(attributes: readonly JsonAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, jsonValue(value)]));
}

function jsonValue(value: JsonValue): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(jsonValue);
  const [[name, plain] = []] = Object.entries(value);
  return name === "intValue" ? Number(plain) : plain;
}
