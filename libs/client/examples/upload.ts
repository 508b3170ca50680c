// Uploads a picture and waits until it is one of its corpus: node examples/upload.ts CORPUS FILE
import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { createClient, MedleyError, uploadImage, watchUpload } from "@medley/client";

const [corpus = "demo", file = "picture.jpg"] = process.argv.slice(2);
const medley = createClient({ url: process.env.MEDLEY_URL ?? "http://localhost:4000", apiKey: process.env.MEDLEY_KEY });

try {
  const sent = await uploadImage(medley, { corpus, name: basename(file), bytes: await openAsBlob(file) });
  console.log(`${sent.receivedBytes} bytes are safe, SHA-256 ${sent.sha256}`);
  for await (const { state, image, error } of watchUpload(medley, sent.id)) {
    console.log(state, image?.id ?? error?.message ?? "");
  }
} catch (error) {
  if (!(error instanceof MedleyError)) throw error;
  console.log(error.code, error.message, error.origin.kind);
  process.exitCode = 1;
}
