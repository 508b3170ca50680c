import { revokeApiKey, updateOperation } from "@medley/storage";
import { createClient, type ExecutionResult } from "graphql-ws";
import WebSocket from "ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstEvent } from "../testing/first-event.ts";
import { type ServedGateway, serveGateway } from "../testing/serve.ts";
import { openTwoCorpora, type TwoCorpora } from "../testing/two-corpora.ts";

let corpora: TwoCorpora;
let gateway: ServedGateway;
const socketUrl = () => `${gateway.url.replace("http", "ws")}/graphql`;
const watch = (id: string) => `subscription { operationUpdated(id: "${id}") { state } }`;

beforeAll(async () => {
  corpora = await openTwoCorpora();
  gateway = await serveGateway({ ...corpora.library, protection: { ratePerKey: 10, ratePerAddress: 200 } });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await corpora?.[Symbol.asyncDispose]();
});

test("takes the key from the header of the request that opens the WebSocket as well", async () => {
  const headers = await corpora.bearer("INGESTOR", [corpora.mine.corpus]);
  const socket = new WebSocket(socketUrl(), "graphql-transport-ws", { headers });
  const messages: { type: string; payload?: unknown }[] = [];
  await new Promise<void>((ended, failed) => {
    socket.on("error", failed);
    socket.on("close", () => ended());
    socket.on("open", () => socket.send(JSON.stringify({ type: "connection_init" })));
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { type: string; payload?: unknown };
      messages.push(message);
      const query = watch(corpora.mine.operationId);
      if (message.type === "connection_ack")
        socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
      else socket.close();
    });
  });
  const payload = { data: { operationUpdated: { state: "RUNNING" } } };
  expect(messages).toEqual([{ type: "connection_ack" }, { id: "1", type: "next", payload }]);
});

test("says nothing more to a key that was revoked while it watched", async () => {
  const { db } = corpora.library;
  const { authorization } = await corpora.bearer("INGESTOR", [corpora.mine.corpus]);
  const [key] = await db.query<{ id: string }>("select id from api_keys order by created_at desc limit 1", []);
  const client = createClient({ url: socketUrl(), webSocketImpl: WebSocket, connectionParams: { authorization } });
  const events: ExecutionResult[] = [];
  for await (const event of client.iterate({ query: watch(corpora.mine.operationId) })) {
    events.push(event as ExecutionResult);
    if (events.length > 1) continue;
    await revokeApiKey(db, key?.id ?? "");
    await updateOperation(db, { operationId: corpora.mine.operationId, counts: { added: 1 } });
  }
  await client.dispose();
  expect(events).toMatchObject([
    { data: { operationUpdated: { state: "RUNNING" } } },
    { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
  ]);
});

test("counts subscriptions among the requests of a key", async () => {
  const key = await corpora.bearer("INGESTOR", [corpora.mine.corpus]);
  const codeOfNext = async () => {
    const { errors } = await firstEvent(gateway.url, watch(corpora.mine.operationId), key);
    return errors?.[0]?.extensions["code"];
  };
  expect(await codeOfNext()).toBeUndefined();
  await expect.poll(codeOfNext, { timeout: 60_000, interval: 0 }).toBe("RATE_LIMITED");
});

test("is refused over POST, where no WebSocket carries its events", async () => {
  const reply = await gateway.graphql(watch(corpora.mine.operationId), {}, await corpora.bearer("ADMIN"));
  expect(reply.errors?.[0]?.extensions).toMatchObject({ reason: "NEEDS_WEBSOCKET" });
});
