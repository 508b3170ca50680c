import { type AddressInfo, createServer, type Socket } from "node:net";
import type { IncomingMessage, ServerResponse } from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { FetchError } from "./fetch-error.ts";
import { defaultFetchPolicy, type FetchPolicy } from "./fetch-policy.ts";
import { createPictureFetcher } from "./picture-fetcher.ts";
import { compressedZeros, PICTURE, startPictureServer } from "./testing/picture-server.ts";

/** Loopback allowed, no waiting between tries. */
const policy: FetchPolicy = {
  ...defaultFetchPolicy,
  allowedRanges: ["127.0.0.0/8"],
  maxBytes: 100_000,
  sleep: async () => {},
};

async function fetchOnce(url: string, changes: Partial<FetchPolicy> = {}, signal = new AbortController().signal) {
  await using fetcher = createPictureFetcher({ ...policy, ...changes });
  return await fetcher.fetch(url, { signal });
}

/** Code of the refusal, and what was said. */
async function refusalOf(url: string, changes: Partial<FetchPolicy> = {}): Promise<FetchError> {
  const error = await fetchOnce(url, changes).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof FetchError) return error;
  throw new Error(`expected a FetchError for ${url}, got ${error}`);
}

const picture = (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { "content-type": "image/gif" }).end(PICTURE);
};
const redirectTo = (location: string) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(302, { location }).end("moved");
};

test("fetches a picture from a range that configuration allows, and from no other one", async () => {
  await using server = await startPictureServer(picture);
  const fetched = await fetchOnce(`${server.url}/1.gif?size=full#top`);
  expect(fetched).toEqual({
    bytes: PICTURE,
    contentType: "image/gif",
    finalUrl: `${server.url}/1.gif?size=full`,
    tries: 1,
  });
  expect(await refusalOf(`${server.url}/1.gif`, { allowedRanges: [] })).toMatchObject({ code: "ADDRESS_REFUSED" });
  expect(server.asked).toEqual(["/1.gif?size=full"]);
});

test("says who asks, and asks for the picture as it is", async () => {
  let headers: IncomingMessage["headers"] = {};
  await using server = await startPictureServer((request, response) => {
    headers = request.headers;
    picture(request, response);
  });
  await fetchOnce(server.url);
  expect(headers["user-agent"]).toMatch(/^Medley\//);
  expect(headers).toMatchObject({ "accept-encoding": "identity" });
  expect(headers.cookie ?? headers.authorization ?? headers.referer).toBeUndefined();
});

test.each([
  ["http://169.254.169.254/latest/meta-data/", "a link-local address"],
  ["http://[::ffff:10.0.0.1]/", "a private address"],
  ["http://[::1]:1/", "a loopback address"],
  ["//0xa9fea9fe/", "a link-local address"],
])("does not follow a redirect from an allowed server to %s", async (location, rule) => {
  await using server = await startPictureServer(redirectTo(location));
  expect(await refusalOf(server.url)).toMatchObject({
    code: "ADDRESS_REFUSED",
    message: expect.stringContaining(rule),
  });
});

test("refuses a name that resolves to a private address beside a public one", async () => {
  const resolveHost = async () => [
    { address: "93.184.215.14", family: 4 },
    { address: "10.0.0.1", family: 4 },
  ];
  expect(await refusalOf("http://two-faced.example/1.gif", { resolveHost })).toMatchObject({
    code: "ADDRESS_REFUSED",
    message: expect.stringContaining('"two-faced.example" is at 10.0.0.1, a private address'),
  });
});

test("resolves a name once for a connection, so that a second answer cannot replace the one that was judged", async () => {
  await using server = await startPictureServer(picture);
  const answers = ["127.0.0.1", "10.0.0.1", "10.0.0.1"];
  const resolveHost = async () => [{ address: answers.shift() ?? "10.0.0.1", family: 4 }];
  expect((await fetchOnce(`http://rebinding.example:${server.port}/`, { resolveHost })).bytes).toEqual(PICTURE);
  expect(answers).toHaveLength(2);
});

test("judges a name again at a redirect, when it meanwhile leads to a private address", async () => {
  await using second = await startPictureServer(picture);
  await using first = await startPictureServer(redirectTo(`http://rebinding.example:${second.port}/secret`));
  const answers = ["127.0.0.1", "10.0.0.1"];
  const resolveHost = async () => [{ address: answers.shift() ?? "10.0.0.1", family: 4 }];
  expect(await refusalOf(`http://rebinding.example:${first.port}/`, { resolveHost })).toMatchObject({
    code: "ADDRESS_REFUSED",
  });
  expect([first.asked, second.asked]).toEqual([["/"], []]);
});

test("follows five redirects and not a sixth", async () => {
  await using server = await startPictureServer((request, response) => {
    const step = Number(request.url?.slice(1));
    if (step === 0) picture(request, response);
    else redirectTo(`/${step - 1}`)(request, response);
  });
  expect((await fetchOnce(`${server.url}/5`)).finalUrl).toBe(`${server.url}/0`);
  expect(await refusalOf(`${server.url}/6`)).toMatchObject({ code: "TOO_MANY_REDIRECTS" });
});

test("ends at the sixth of endless redirects, and at the first that leads back", async () => {
  let count = 0;
  await using endless = await startPictureServer((request, response) =>
    redirectTo(`/${(count += 1)}`)(request, response),
  );
  expect(await refusalOf(endless.url)).toMatchObject({ code: "TOO_MANY_REDIRECTS", retryable: false });
  expect(endless.asked).toHaveLength(6);
  await using circle = await startPictureServer((request, response) =>
    redirectTo(request.url === "/a" ? "/b" : "/a")(request, response),
  );
  expect((await refusalOf(`${circle.url}/a`)).message).toContain("redirects in a circle");
  expect(circle.asked).toEqual(["/a", "/b"]);
});

test("refuses what announces to be too large without reading it", async () => {
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "image/png", "content-length": 100_001 });
    response.write("x");
  });
  expect((await refusalOf(server.url)).message).toContain("has 100001 bytes, the limit is 100000");
});

test("stops at the limit of what does not announce its size", async () => {
  let sentBytes = 0;
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "image/png" });
    const send = () => {
      while (!response.destroyed) {
        sentBytes += 10_000;
        if (!response.write(Buffer.alloc(10_000))) break;
      }
    };
    response.on("drain", send);
    send();
  });
  expect(await refusalOf(server.url)).toMatchObject({ code: "TOO_LARGE", retryable: false });
  // What the sockets of both sides hold is sent without being read.
  expect(sentBytes).toBeLessThan(30_000_000);
});

test("takes a picture of exactly the limit", async () => {
  await using server = await startPictureServer((_, response) => void response.end(Buffer.alloc(100_000)));
  expect((await fetchOnce(server.url)).bytes).toHaveLength(100_000);
});

test("decompresses what a server compresses unasked", async () => {
  await using server = await startPictureServer((request, response) => {
    const encoding = request.url?.slice(1) ?? "";
    response.writeHead(200, { "content-type": "image/gif", "content-encoding": encoding });
    response.end(encoding === "gzip" ? gzipSync(PICTURE) : brotliCompressSync(PICTURE));
  });
  expect((await fetchOnce(`${server.url}/gzip`)).bytes).toEqual(PICTURE);
  expect((await fetchOnce(`${server.url}/br`)).bytes).toEqual(PICTURE);
});

test("stops a decompression bomb at the limit", async () => {
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "image/png", "content-encoding": "deflate" }).end(compressedZeros());
  });
  const before = process.memoryUsage.rss();
  expect((await refusalOf(server.url)).message).toContain("more than 100000 bytes when decompressed");
  expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
});

test.each([
  { encoding: "gzip", body: "not compressed", says: "is damaged" },
  { encoding: "gzip", body: gzipSync(PICTURE).subarray(0, 20), says: "is damaged" },
  { encoding: "gzip, gzip", body: gzipSync(gzipSync(PICTURE)), says: "expected gzip, deflate or br" },
  { encoding: "zstd", body: PICTURE, says: "expected gzip, deflate or br" },
])("refuses a body in the encoding $encoding that $says", async ({ encoding, body, says }) => {
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "image/gif", "content-encoding": encoding }).end(body);
  });
  expect(await refusalOf(server.url)).toMatchObject({ code: "WRONG_TYPE", message: expect.stringContaining(says) });
});

test("cuts a server off that sends a picture drop by drop", async () => {
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "image/png" });
    const timer = setInterval(() => response.write("x"), 10);
    response.on("close", () => clearInterval(timer));
  });
  const error = await refusalOf(server.url, { paceWindowMs: 100, minimumBytesPerWindow: 1000, maxTries: 1 });
  expect(error).toMatchObject({ code: "TOO_SLOW", retryable: true });
  expect(error.message).toMatch(/sends \d+ bytes in 0.1 s, expected at least 1000/);
});

test("cuts a server off that goes on sending and never ends", async () => {
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "image/png" });
    const timer = setInterval(() => response.write("x".repeat(50)), 10);
    response.on("close", () => clearInterval(timer));
  });
  const limits = { totalTimeoutMs: 400, maxTries: 1 };
  expect((await refusalOf(server.url, limits)).message).toContain("is not there after 0.4 s");
});

test("cuts a server off that takes the request and never answers", async () => {
  await using server = await startPictureServer(() => {});
  expect(await refusalOf(server.url, { answerTimeoutMs: 100, maxTries: 1 })).toMatchObject({
    code: "TOO_SLOW",
    retryable: true,
  });
});

test("refuses headers that never end", async () => {
  await using server = await startRawServer((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${"x-filler: 0123456789\r\n".repeat(2_000)}`);
  });
  expect(await refusalOf(server.url)).toMatchObject({ code: "TOO_LARGE", retryable: false });
});

test("names a web page for what it is", async () => {
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>");
  });
  const error = await refusalOf(server.url);
  expect(error).toMatchObject({ code: "WRONG_TYPE", retryable: false });
  expect(error.message).toContain("is a web page (text/html), expected a picture (image/*). Name the picture itself");
});

test("leaves a picture alone whose server asks for it", async () => {
  await using server = await startPictureServer((_, response) => {
    response.writeHead(200, { "content-type": "image/gif", "x-robots-tag": ["nofollow", "noai"] }).end(PICTURE);
  });
  expect(await refusalOf(server.url)).toMatchObject({ code: "OPTED_OUT", retryable: false });
});

test("asks once for what is not there", async () => {
  await using server = await startPictureServer((_, response) => void response.writeHead(404).end());
  expect(await refusalOf(`${server.url}/gone.jpg`)).toMatchObject({ code: "HTTP_STATUS", retryable: false });
  expect(server.asked).toEqual(["/gone.jpg"]);
});

test("asks again for what may come back, up to three times", async () => {
  let requests = 0;
  await using server = await startPictureServer((request, response) => {
    requests += 1;
    if (requests === 1) response.writeHead(503).end();
    else if (requests === 2) request.socket.destroy();
    else picture(request, response);
  });
  expect((await fetchOnce(server.url)).tries).toBe(3);
  await using down = await startPictureServer((_, response) => void response.writeHead(502).end());
  expect(await refusalOf(down.url)).toMatchObject({ code: "HTTP_STATUS", retryable: true });
  expect(down.asked).toHaveLength(3);
});

test("waits as long as a busy server asks, and does not wait for hours", async () => {
  const waits: number[] = [];
  const sleep = async (milliseconds: number) => void waits.push(milliseconds);
  let retryAfter = "7";
  let requests = 0;
  await using server = await startPictureServer((request, response) => {
    requests += 1;
    if (requests !== 2) response.writeHead(429, { "retry-after": retryAfter }).end();
    else picture(request, response);
  });
  await fetchOnce(server.url, { sleep });
  expect(waits).toEqual([7_000]);
  retryAfter = "7200";
  expect(await refusalOf(server.url, { sleep })).toMatchObject({ retryable: true, retryAfterMs: 7_200_000 });
  expect(waits).toEqual([7_000]);
});

test("waits longer each time where the server does not say how long", async () => {
  const waits: number[] = [];
  const sleep = async (milliseconds: number) => void waits.push(milliseconds);
  await using server = await startPictureServer((_, response) => void response.writeHead(503).end());
  await refusalOf(server.url, { sleep, maxTries: 4, firstWaitMs: 1000 });
  for (const [index, longest] of [1000, 2000, 4000].entries()) {
    expect(waits[index]).toBeGreaterThanOrEqual(longest / 2);
    expect(waits[index]).toBeLessThanOrEqual(longest);
  }
});

test("tells a host that is not there from one that may come back", async () => {
  const server = await startPictureServer(picture);
  await server[Symbol.asyncDispose]();
  expect(await refusalOf(server.url)).toMatchObject({ code: "UNREACHABLE", retryable: true });
  const resolveHost = async () => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  expect(await refusalOf("http://nowhere.example/", { resolveHost })).toMatchObject({
    code: "UNREACHABLE",
    retryable: false,
    message: expect.stringContaining('There is no host "nowhere.example"'),
  });
});

test("reports a picture that breaks off", async () => {
  await using server = await startPictureServer((request, response) => {
    response.writeHead(200, { "content-type": "image/gif", "content-length": 1000 });
    response.write(PICTURE, () => request.socket.destroy());
  });
  expect(await refusalOf(server.url)).toMatchObject({ code: "UNREACHABLE", retryable: true });
});

test("reports a server that does not speak HTTP", async () => {
  await using server = await startRawServer((socket) => void socket.end("SSH-2.0-OpenSSH_9.9\r\n"));
  expect(await refusalOf(server.url)).toMatchObject({ code: "UNREACHABLE" });
});

test("asks one host four times at once, and all sixteen times, while the others wait", async () => {
  const running = new Map<string, number>();
  const most = new Map<string, number>();
  const change = (key: string, by: number) => {
    running.set(key, (running.get(key) ?? 0) + by);
    most.set(key, Math.max(most.get(key) ?? 0, running.get(key) ?? 0));
  };
  // Nobody is answered before sixteen ask, and a seventeenth has had the time to.
  const firstWave = Promise.withResolvers<void>();
  const patient = async (request: IncomingMessage, response: ServerResponse) => {
    const keys = [request.headers.host ?? "", "all"];
    for (const key of keys) change(key, 1);
    if (running.get("all") === 16) setTimeout(firstWave.resolve, 100);
    await firstWave.promise;
    for (const key of keys) change(key, -1);
    picture(request, response);
  };
  const servers = await Promise.all([1, 2, 3, 4, 5, 6].map((last) => startPictureServer(patient, `127.0.0.${last}`)));
  await using fetcher = createPictureFetcher(policy);
  const { signal } = new AbortController();
  const urls = servers.flatMap(({ url }) => Array.from({ length: 8 }, (_, index) => `${url}/${index}`));
  const fetched = await Promise.all(urls.map((url) => fetcher.fetch(url, { signal })));
  for (const server of servers) await server[Symbol.asyncDispose]();
  expect(fetched.map(({ finalUrl }) => finalUrl)).toEqual(urls);
  expect(most.get("all")).toBe(16);
  most.delete("all");
  expect(most.size).toBe(6);
  expect(Math.max(...most.values())).toBe(4);
});

test("gives up at once when it is told to: under way, waiting for a turn, and waiting for the next try", async () => {
  await using server = await startPictureServer((request, response) => {
    if (request.url === "/busy") response.writeHead(503).end();
  });
  const stop = new AbortController();
  await using fetcher = createPictureFetcher({ ...policy, sleep: defaultFetchPolicy.sleep, firstWaitMs: 30_000 });
  const urls = ["/busy", "/1", "/2", "/3", "/4", "/5", "/6"].map((path) => server.url + path);
  const ends = urls.map((url) =>
    fetcher.fetch(url, { signal: stop.signal }).catch((error: unknown) => (error as FetchError).code),
  );
  while (server.asked.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  expect(await Promise.all(ends)).toEqual(urls.map(() => "ABORTED"));
});

async function startRawServer(answer: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
