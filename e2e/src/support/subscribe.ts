/// <reference lib="dom" />

/** Everything that a subscription says of something until it ends. */
export function subscribe<Event>(url: string, field: string, id: string, fields: string): Promise<Event[]> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const query = `subscription($id: ID!) { ${field}(id: $id) { ${fields} } }`;
  const events: Event[] = [];
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "connection_init" })));
    socket.addEventListener("close", () => reject(new Error(`The socket closed after ${JSON.stringify(events)}.`)));
    socket.addEventListener("message", ({ data }) => {
      const { type, payload } = JSON.parse(String(data)) as { type: string; payload?: { data: Record<string, Event> } };
      if (type === "connection_ack") {
        socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query, variables: { id } } }));
      }
      const event = type === "next" ? payload?.data[field] : undefined;
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
