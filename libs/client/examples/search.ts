// Searches a corpus and turns to the second page: node examples/search.ts CORPUS TEXT
import { createClient, nextPage, search } from "@medley/client";

const [corpus = "demo", text = "two dogs on a beach"] = process.argv.slice(2);
const medley = createClient({ url: process.env.MEDLEY_URL ?? "http://localhost:4000", apiKey: process.env.MEDLEY_KEY });

const page = await search(medley, { corpus, text }, { first: 2 });
for (const { rank, itmLogit, node } of page.edges) console.log(rank, node.id, itmLogit, node.origins[0]);
for (const { code, message } of page.report.degraded) console.log(`Less than asked for: ${message} (${code})`);

const second = await nextPage(medley, page);
for (const { rank, node } of second?.edges ?? []) console.log(rank, node.id);
