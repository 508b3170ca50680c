// Asks about the best picture for a text, and which texts of its corpus fit it: node examples/ask-and-describe.ts CORPUS TEXT QUESTION
import { ask, createClient, describe, MedleyError, search } from "@medley/client";

const [corpus = "demo", text = "a dog", question = "what animal is this?"] = process.argv.slice(2);
const medley = createClient({ url: process.env.MEDLEY_URL ?? "http://localhost:4000", apiKey: process.env.MEDLEY_KEY });

const [best] = (await search(medley, { corpus, all: [{ text }], rerank: { candidates: 32 } }, { first: 1 })).edges;
if (best === undefined) throw new Error(`The corpus "${corpus}" has no pictures.`);

try {
  const answer = await ask(medley, { imageId: best.node.id, question });
  console.log(`${question} ${answer.text} (${answer.modelName})`);
  const { texts } = await describe(medley, { imageId: best.node.id, first: 3 });
  for (const { text, itmLogit } of texts) console.log(itmLogit, text);
} catch (error) {
  // Such as NOT_READY where no answerer is installed.
  if (!(error instanceof MedleyError)) throw error;
  console.log(error.code, error.retryable ? "(try again later)" : "", error.message);
}
