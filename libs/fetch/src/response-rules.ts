import { FetchError } from "./fetch-error.ts";

/** Header names in lower case; a header that came several times is a list. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

const TEMPORARY_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

/** HTTP_STATUS for anything but 200, or undefined. */
export function refuseStatus(url: URL, status: number, headers: ResponseHeaders): FetchError | undefined {
  if (status === 200) return undefined;
  const retryAfterMs = readRetryAfter(single(headers["retry-after"]), Date.now());
  const retryable = TEMPORARY_STATUSES.has(status);
  const later = retryAfterMs === undefined ? "" : `, and asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
  const advice = retryable ? "Try again later." : "Check whether the picture is still there and free to fetch.";
  const message = `"${url.href}" answers with status ${status}${later}, expected 200 and a picture. ${advice}`;
  return new FetchError("HTTP_STATUS", message, { retryable, retryAfterMs });
}

/** Retry-After as milliseconds from now: whole seconds or a date (RFC 9110, 10.2.3); undefined for anything else. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

const REFUSING_DIRECTIVES = new Set(["noai", "noimageai", "noindex", "noimageindex", "none"]);
/** Directives with a value; any other word before a colon is the name of a crawler. */
const VALUED_DIRECTIVES = new Set(["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"]);

/** OPTED_OUT where X-Robots-Tag asks every crawler, or one named "medley", to leave the picture alone. */
export function refuseOptedOut(url: URL, headers: ResponseHeaders): FetchError | undefined {
  for (const line of several(headers["x-robots-tag"])) {
    let crawler: string | undefined;
    for (const part of line.toLowerCase().split(",")) {
      const [before = "", ...after] = part.split(":").map((word) => word.trim());
      if (after.length > 0 && VALUED_DIRECTIVES.has(before)) continue;
      if (after.length > 0) crawler = before;
      const directive = after[0] ?? before;
      if (!REFUSING_DIRECTIVES.has(directive) || (crawler !== undefined && crawler !== "medley")) continue;
      const message = `"${url.href}" asks machines to leave it alone (X-Robots-Tag: ${directive}), and is not used.`;
      return new FetchError("OPTED_OUT", message);
    }
  }
  return undefined;
}

/** Media type without its parameters, in lower case; null where none is given. */
export function mediaType(headers: ResponseHeaders): string | null {
  return single(headers["content-type"])?.split(";")[0]?.trim().toLowerCase() || null;
}

/** WRONG_TYPE for what cannot be a picture. Where the type says nothing, the decoder decides. */
export function refuseType(url: URL, headers: ResponseHeaders): FetchError | undefined {
  const type = mediaType(headers);
  if (type === null || type.startsWith("image/") || /^(application|binary)\/octet-stream$/.test(type)) return undefined;
  const isPage = type === "text/html" || type === "application/xhtml+xml";
  const found = isPage ? `is a web page (${type})` : `is of type "${type.slice(0, 100)}"`;
  const advice = isPage ? " Name the picture itself, not the page that shows it." : "";
  return new FetchError("WRONG_TYPE", `"${url.href}" ${found}, expected a picture (image/*).${advice}`);
}

/** TOO_LARGE where Content-Length announces more than is taken. */
export function refuseLength(url: URL, headers: ResponseHeaders, maxBytes: number): FetchError | undefined {
  const announced = Number(single(headers["content-length"]) ?? 0);
  if (!(announced > maxBytes)) return undefined;
  const message = `"${url.href}" has ${announced} bytes, the limit is ${maxBytes}. Raise MEDLEY_MAX_BYTES to take it.`;
  return new FetchError("TOO_LARGE", message);
}

/** Content-Encoding in lower case; undefined where the body is sent as it is. */
export function contentEncoding(headers: ResponseHeaders): string | undefined {
  const encoding = several(headers["content-encoding"]).join(",").trim().toLowerCase();
  return encoding === "" || encoding === "identity" ? undefined : encoding;
}

export function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

function several(value: string | readonly string[] | undefined): readonly string[] {
  return typeof value === "string" ? [value] : (value ?? []);
}
