// Follows the newest operation of a corpus to its end: node examples/watch-operation.ts CORPUS
import { createClient, OperationsDocument, watchOperation } from "@medley/client";

const [corpus = "demo"] = process.argv.slice(2);
const medley = createClient({ url: process.env.MEDLEY_URL ?? "http://localhost:4000", apiKey: process.env.MEDLEY_KEY });

const { operations } = await medley.request(OperationsDocument, { corpus, first: 1 });
const [newest] = operations;
if (newest === undefined) throw new Error(`Nothing was ever done in the corpus "${corpus}".`);
for await (const { state, counts, etaSeconds } of watchOperation(medley, newest.id)) {
  console.log(state, counts.map(({ name, value }) => `${name} ${value}`).join(", "), etaSeconds ?? "");
}
