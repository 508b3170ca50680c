import { FetchError } from "./fetch-error.ts";

/** Longer ones are data, not addresses; servers refuse them anyway. */
const MAX_URL_CHARACTERS = 8_192;

/**
 * Parses what a manifest names, as browsers do: 0x7f.1, 2130706433 and 127.0.0.1 are one host.
 * @throws FetchError URL_INVALID, SCHEME_REFUSED
 */
export function parsePictureUrl(text: string, base?: URL): URL {
  const url = text.length > MAX_URL_CHARACTERS ? null : URL.parse(text, base?.href);
  if (url === null) {
    throw new FetchError(
      "URL_INVALID",
      `"${text.slice(0, 200)}" is no URL, expected one such as "https://example.org/1.jpg".`,
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new FetchError("SCHEME_REFUSED", `"${shown(url)}" begins with "${url.protocol}", expected http: or https:.`);
  }
  if (url.username !== "" || url.password !== "") {
    const message = `"${shown(url)}" carries a user name or password, which is not sent. Take it out of the URL.`;
    throw new FetchError("URL_INVALID", message);
  }
  url.hash = "";
  return url;
}

/**
 * Where a redirect leads. From https it may not lead to http: what the manifest asked to be protected would travel in the open.
 * @param passed  URLs of this try so far, the present one last
 * @throws FetchError TOO_MANY_REDIRECTS, also for one that leads back, and whatever the target itself is refused for
 */
export function followRedirect(passed: readonly URL[], location: string, maxRedirects: number): URL {
  const current = passed.at(-1);
  const first = passed[0];
  if (!current || !first) throw new Error("Bug: a redirect without a request");
  const next = parsePictureUrl(location, current);
  if (current.protocol === "https:" && next.protocol === "http:") {
    const message = `"${current.href}" redirects from https to "${next.href}", which is not protected, and is not followed.`;
    throw new FetchError("SCHEME_REFUSED", message);
  }
  if (passed.some(({ href }) => href === next.href)) {
    throw new FetchError("TOO_MANY_REDIRECTS", `"${first.href}" redirects in a circle, back to "${next.href}".`);
  }
  if (passed.length > maxRedirects) {
    const message = `"${first.href}" redirects more than ${maxRedirects} times, last to "${next.href}". Name the last one itself.`;
    throw new FetchError("TOO_MANY_REDIRECTS", message);
  }
  return next;
}

/** For messages, without what must not be in a log. */
function shown(url: URL): string {
  const copy = new URL(url);
  if (copy.password !== "") copy.password = "***";
  return copy.href.slice(0, 200);
}
