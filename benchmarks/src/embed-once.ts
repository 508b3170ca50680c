// Fresh process of the "start" benchmark: node embed-once.ts CHECKPOINT THREADS WORKERS
import { readFileSync } from "node:fs";
import { allOf, freshPicture, openEngine } from "./engine.ts";

const [checkpoint = "", threads = "1", workers = "1"] = process.argv.slice(2);
const pictures = Array.from({ length: Number(workers) }, freshPicture);
const before = performance.now();
await using engine = await openEngine(checkpoint, Number(threads), Number(workers));
allOf(await engine.embedImages(pictures.slice(0, 1)));
const seconds = (performance.now() - before) / 1000;
// As many pictures as workers at once, so that every worker holds sessions for all that retrieval needs.
await Promise.all(pictures.map(async (picture) => allOf(await engine.embedImages([picture]))));
await Promise.all(
  pictures.map(async (picture, index) => allOf(await engine.matchImages(`a picture of dog ${index}`, [picture]))),
);
const rssAnon = /RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
console.log(JSON.stringify({ seconds, privateBytes: Number(rssAnon ?? 0) * 1024 }));
