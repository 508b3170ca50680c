import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "../testing/serve.ts";
import { openTwoCorpora, type TwoCorpora } from "../testing/two-corpora.ts";
import { createPictureLinks } from "./picture-links.ts";

let library: TwoCorpora;
let gateway: ServedGateway;
let viewer: { authorization: string };
beforeAll(async () => {
  library = await openTwoCorpora();
  viewer = await library.bearer("VIEWER", [library.mine.corpus]);
  gateway = await serveGateway({ ...library.library });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${gateway.url}${path}`, { headers });

test("links pictures of a closed gateway so that a browser can show them without a key", async () => {
  const { data } = await gateway.graphql(
    "query($id: ID!) { image(id: $id) { url thumbnailUrl } }",
    { id: library.mine.imageId },
    viewer,
  );
  for (const path of [data.image.url, data.image.thumbnailUrl]) {
    expect(path).toMatch(/^\/(images|thumbnails)\/[\w-]+\?until=\d+&seal=[\w-]{43}$/);
    const reply = await get(path);
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain("picture 0");
  }
  expect((await get(data.image.url)).headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
});

test("takes a link for its picture and its time alone", async () => {
  const { data } = await gateway.graphql(
    "query($id: ID!) { image(id: $id) { url } }",
    { id: library.mine.imageId },
    viewer,
  );
  const url: string = data.image.url;
  const later = url.replace(/until=(\d+)/, (_text, until) => `until=${Number(until) + 900}`);
  for (const path of [
    url.replace(library.mine.imageId, library.foreign.imageId),
    later,
    url.replace(/seal=.*/, "seal="),
    url.replace(/seal=.*/, "seal=AAAA"),
    url.replace(/until=\d+/, "until=Infinity"),
    `${url}&seal=x`,
    `/images/${library.mine.imageId}`,
    `/images/${library.foreign.imageId}`,
    "/thumbnails/x",
  ]) {
    const reply = await get(path);
    expect(reply.status, path).toBe(401);
    expect(await reply.json()).toMatchObject({ errors: [{ extensions: { code: "UNAUTHENTICATED" } }] });
  }
});

test("shows the overlay of an evidence map to whom it shows the picture, and to nobody else", async () => {
  const { mine, foreign } = library;
  const query = 'query($id: ID!) { image(id: $id) { url evidence(word: "dog") { map { overlayUrl } } } }';
  const { data } = await gateway.graphql(query, { id: mine.imageId }, viewer);
  const url: string = data.image.evidence.map.overlayUrl;
  expect(url).toMatch(/^\/evidence\/[\w-]+\?until=\d+&seal=[\w-]{43}&map=4x4\.[\w-]+$/);
  const shown = await get(url);
  expect([shown.status, shown.headers.get("content-type")]).toEqual([200, "image/png"]);
  expect(shown.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
  const map = url.slice(url.indexOf("map="));
  for (const path of [
    url.replace(mine.imageId, foreign.imageId),
    `/evidence/${mine.imageId}?${map}`,
    url.replace(/seal=[^&]*/, "seal=AAAA"),
  ]) {
    expect((await get(path)).status, path).toBe(401);
  }
  expect((await get(`/evidence/${mine.imageId}?${map}`, viewer)).status).toBe(200);
  expect((await get(`/evidence/${foreign.imageId}?${map}`, viewer)).status).toBe(404);
  expect((await get(`/evidence/${foreign.imageId}`, viewer)).status).toBe(404);
});

test("gives the bytes of a corpus to a key of that corpus, and says of others that there is no such picture", async () => {
  expect((await get(`/images/${library.mine.imageId}`, viewer)).status).toBe(200);
  const foreign = await get(`/images/${library.foreign.imageId}`, viewer);
  const unknown = await get("/images/00000000-0000-4000-8000-000000000000", viewer);
  expect([foreign.status, unknown.status]).toEqual([404, 404]);
  expect(await foreign.text()).toBe(
    (await unknown.text()).replace("00000000-0000-4000-8000-000000000000", library.foreign.imageId),
  );
  expect((await get(`/thumbnails/${library.foreign.imageId}`, viewer)).status).toBe(404);
});

test("ends a link after an hour to an hour and a quarter, and makes the same one for a while", () => {
  let now = Date.UTC(2026, 10, 25, 12, 7);
  const links = createPictureLinks("a secret of at least 32 characters", () => now);
  const link = links.seal("images", "id");
  const query = new URLSearchParams(link.split("?")[1]);
  const isGood = () => links.isGood("id", query.get("until"), query.get("seal"));
  now += 5 * 60_000;
  expect(links.seal("images", "id")).toBe(link);
  now += 60 * 60_000;
  expect(isGood()).toBe(true);
  now += 15 * 60_000;
  expect(isGood()).toBe(false);
});

test("shares links between gateways that share a secret, and between no others", () => {
  const secret = "a secret of at least 32 characters";
  const query = new URLSearchParams(createPictureLinks(secret).seal("images", "id").split("?")[1]);
  const isGood = (other: string | undefined) =>
    createPictureLinks(other).isGood("id", query.get("until"), query.get("seal"));
  expect(isGood(secret)).toBe(true);
  expect(isGood(`${secret}.`)).toBe(false);
  expect(isGood(undefined)).toBe(false);
});
