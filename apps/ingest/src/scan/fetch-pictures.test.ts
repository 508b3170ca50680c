import { setTimeout as wait } from "node:timers/promises";
import { PICTURE, startPictureServer } from "@medley/fetch/testing";
import { expect, test } from "vitest";
import { sourceOptions } from "../testing/source-options.ts";
import { fetchPictures } from "./fetch-pictures.ts";
import type { Finding, FoundUrl } from "./finding.ts";

const urlFinding = (url: string): FoundUrl => ({ kind: "url", path: url, file: url, url, attributes: {} });

async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

function outline(finding: Finding): string {
  const name = finding.path.slice(finding.path.lastIndexOf("/") + 1);
  return finding.kind === "rejected" ? `${name} ${finding.error.code}` : `${name} ${finding.bytes?.length ?? "file"}`;
}

test("keeps the order of the rows whatever the servers' order of answering", async () => {
  await using server = await startPictureServer((request, response) => {
    const number = Number(request.url?.slice(1));
    if (number % 5 === 3) response.writeHead(404).end();
    else setTimeout(() => response.end(PICTURE), number === 0 ? 100 : 20 - number);
  });
  const { fetcher, signal } = sourceOptions();
  const file: Finding = { kind: "file", path: "local", file: "/local", attributes: {} };
  const rows = Array.from({ length: 20 }, (_, number) => (number === 7 ? file : urlFinding(`${server.url}/${number}`)));
  const found: string[] = [];
  for await (const finding of fetchPictures(each(rows), fetcher, signal)) found.push(outline(finding));
  expect(found).toEqual(
    rows.map((_, number) =>
      number === 7 ? "local file" : number % 5 === 3 ? `${number} HTTP_STATUS` : `${number} ${PICTURE.length}`,
    ),
  );
});

test("reads no more rows ahead than it may fetch at once while nobody takes the pictures", async () => {
  await using server = await startPictureServer((_, response) => void response.end(PICTURE));
  const { fetcher, signal } = sourceOptions();
  let read = 0;
  const rows = (async function* () {
    for (; read < 1000; read += 1) yield urlFinding(`${server.url}/${read}`);
  })();
  const findings = fetchPictures(rows, fetcher, signal);
  await findings.next();
  await wait(200);
  expect(read).toBeLessThanOrEqual(16);
  expect(server.asked.length).toBeLessThanOrEqual(17);
  await findings.return(undefined);
});

test("gives up what is under way when nobody wants more", async () => {
  await using server = await startPictureServer((request, response) => {
    if (request.url === "/0") response.end(PICTURE);
  });
  const { fetcher, signal } = sourceOptions();
  const rows = Array.from({ length: 16 }, (_, number) => urlFinding(`${server.url}/${number}`));
  const findings = fetchPictures(each(rows), fetcher, signal);
  expect(outline((await findings.next()).value as Finding)).toBe(`0 ${PICTURE.length}`);
  // Would wait for the answers that never come: the limit of a try is a minute.
  await findings.return(undefined);
  await expect(findings.next()).resolves.toMatchObject({ done: true });
}, 10_000);

test("ends without a rejection when the run is stopped", async () => {
  await using server = await startPictureServer(() => {});
  const stop = new AbortController();
  const { fetcher } = sourceOptions();
  const findings = fetchPictures(each([urlFinding(server.url)]), fetcher, stop.signal);
  const first = findings.next();
  while (server.asked.length === 0) await wait(5);
  stop.abort();
  expect(await first).toMatchObject({ done: true });
});
