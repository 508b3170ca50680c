import { parentPort, workerData } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { renderGraphiQL } from "@graphql-yoga/render-graphiql";

const page = gzipSync(renderGraphiQL(workerData));
parentPort?.postMessage(page);
