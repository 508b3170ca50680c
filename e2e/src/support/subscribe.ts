/// <reference lib="dom" />

/** Everything that a subscription says of something until it ends. */
export function subscribe<Event>(url: string, field: string, id: string, fields: string): Promise<Event[]> {
  return subscribeTo<Event>(url, `subscription($id: ID!) { ${field}(id: $id) { ${fields} } }`, { id });
}

/** The same for a subscription of any field. */
export function subscribeTo<Event>(url: string, query: string, variables: object): Promise<Event[]> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const events: Event[] = [];
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "connection_init" })));
    socket.addEventListener("close", () => reject(new Error(`The socket closed after ${JSON.stringify(events)}.`)));
    socket.addEventListener("message", ({ data }) => {
      const { type, payload } = JSON.parse(String(data)) as { type: string; payload?: { data: Record<string, Event> } };
      if (type === "connection_ack") {
        socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query, variables } }));
      }
      const event = type === "next" ? Object.values(payload?.data ?? {})[0] : undefined;
      if (event !== undefined) events.push(event);
      if (type === "ping") socket.send(JSON.stringify({ type: "pong" }));
      if (type === "error") reject(new Error(String(data)));
      if (type === "complete") {
        resolve(events);
        socket.close();
      }
    });
  });
}
