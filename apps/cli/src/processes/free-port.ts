import { createServer } from "node:net";
import { CliError } from "../cli-error.ts";

/** The port when it is free, or any free one for 0. Throws CliError PORT_IN_USE. */
export async function reservePort(host: string, port: number, variable: string): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "EADDRINUSE") throw error;
    const message = `Port ${port} of ${host} is in use. Stop what listens there, or set ${variable} to another port.`;
    throw new CliError("PORT_IN_USE", message, { cause: error });
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
