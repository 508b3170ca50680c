import type { RawData, WebSocket } from "ws";

type Listener = (data: RawData, isBinary: boolean) => unknown;

/**
 * Lets a client give the id of a subscription that it has ended to another one at once, as the protocol allows. graphql-ws knows subscriptions by their ids
 * alone: the end of the first, which takes a moment, would be told as the end of the second. So the second waits for it. Call it before messages are
 * listened to.
 */
export function waitForReusedIds(socket: WebSocket): void {
  const on = socket.on.bind(socket) as (event: string, listener: (...given: never[]) => unknown) => WebSocket;
  socket.on = ((event: string, listener: Listener) =>
    on(event, event === "message" ? inTurn(listener) : listener)) as WebSocket["on"];
}

/** @param handle resolves when what a message began has ended */
function inTurn(handle: Listener): Listener {
  const running = new Map<string, { readonly ended: Promise<void>; wasCompleted: boolean }>();
  const waiting = new Map<string, symbol>();
  return async (data, isBinary) => {
    const { type, id } = headOf(data);
    const before = running.get(id);
    if (type === "complete") {
      // One that has not begun yet never does.
      if (waiting.delete(id)) return;
      if (before) before.wasCompleted = true;
    }
    if (type !== "subscribe") return handle(data, isBinary);
    // Two of one id are a fault of the client, which graphql-ws answers.
    if (before?.wasCompleted === true && !waiting.has(id)) {
      const turn = Symbol(id);
      waiting.set(id, turn);
      await before.ended;
      if (waiting.get(id) !== turn) return;
      waiting.delete(id);
    }
    const work = Promise.resolve(handle(data, isBinary));
    const forget = () => {
      if (running.get(id) === entry) running.delete(id);
    };
    const entry = { ended: work.then(forget, forget), wasCompleted: false };
    running.set(id, entry);
    return work;
  };
}

function headOf(data: RawData): { readonly type: string; readonly id: string } {
  try {
    const { type, id } = (JSON.parse(String(data)) ?? {}) as { type?: unknown; id?: unknown };
    return { type: String(type), id: String(id) };
  } catch {
    // graphql-ws says what is wrong with it.
    return { type: "", id: "" };
  }
}
