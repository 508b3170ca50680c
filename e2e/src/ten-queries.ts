import { parseArgs } from "node:util";
import { join } from "node:path";
import { DEMO_QUERIES } from "./support/demo-queries.ts";
import { createScreenshotFolder, openBrowser } from "./support/browser.ts";
import { askGraphql } from "./support/stack.ts";

// Ten searches of the demo corpus over GraphQL, each with a screenshot of the page. Not a test: it needs a running `npm start`, and says
// how good the answers are.

interface Answer {
  readonly edges: readonly {
    readonly rank: number;
    readonly rankBeforeRerank: number | null;
    readonly node: { readonly origins: readonly string[] };
  }[];
}

interface Found {
  readonly search: Answer;
  readonly alone: Answer;
}

const { values } = parseArgs({
  options: {
    url: { type: "string", default: `http://127.0.0.1:${process.env.MEDLEY_PORT ?? 4000}` },
    corpus: { type: "string", default: "demo" },
    set: { type: "string", default: "drawn" },
    screenshots: { type: "string", default: createScreenshotFolder() },
  },
});
const { url, corpus, screenshots, set } = values;
if (set !== "drawn" && set !== "chosen") {
  console.error(`--set is "${set}", expected drawn or chosen.`);
  process.exit(2);
}
const queries = DEMO_QUERIES[set];
const ready = await fetch(`${url}/readyz`).catch(() => undefined);
if (ready?.status !== 200) {
  console.error(`No Medley answers searches at ${url}. Start it with npm start, or give --url.`);
  process.exit(1);
}
await using cleanup = new AsyncDisposableStack();
const browser = await openBrowser();
cleanup.defer(() => browser.close());
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });

let [rightFirst, rightFirstAlone] = [0, 0];
for (const [index, { text, right }] of queries.entries()) {
  const { search, alone } = await askGraphql<Found>(
    url,
    `query ($corpus: String!, $text: String!) {
      search(input: { corpus: $corpus, all: [{ text: $text }] }, first: 500) { ...found }
      alone: search(input: { corpus: $corpus, all: [{ text: $text }], textWeight: 0 }, first: 500) { ...found }
    }
    fragment found on SearchConnection { edges { rank rankBeforeRerank node { origins } } }`,
    { corpus, text },
  );
  const isRight = ({ node }: Answer["edges"][number]) => right.includes(nameOf(node.origins[0] ?? ""));
  const rank = best(search.edges.filter(isRight).map((edge) => edge.rank));
  const rankAlone = best(alone.edges.filter(isRight).map((edge) => edge.rank));
  const rankByCosine = best(alone.edges.filter(isRight).flatMap((edge) => edge.rankBeforeRerank ?? []));
  if (rank === 1) rightFirst += 1;
  if (rankAlone === 1) rightFirstAlone += 1;
  const top = nameOf(search.edges[0]?.node.origins[0] ?? "");
  const topAlone = nameOf(alone.edges[0]?.node.origins[0] ?? "");
  const screenshot = join(screenshots, `query-${String(index + 1).padStart(2, "0")}.png`);
  await photograph(text, screenshot);
  console.log(JSON.stringify({ text, rank, top, rankAlone, topAlone, rankByCosine, screenshot }));
}
console.log(
  `${rightFirst} of ${queries.length} (${set}) with a right picture first; ${rightFirstAlone} by what the models see alone (textWeight 0). Screenshots: ${screenshots}`,
);

function best(ranks: readonly number[]): number | null {
  return ranks.length > 0 ? Math.min(...ranks) : null;
}

/** Folder and name without the ending: "fluent-3d/pizza". */
function nameOf(origin: string): string {
  return origin
    .split("/")
    .slice(-2)
    .join("/")
    .replace(/\.\w+$/, "");
}

async function photograph(text: string, file: string): Promise<void> {
  await page.goto(`${url}/?${new URLSearchParams({ q: text, corpus })}`);
  await page.getByText(`for “${text}”, best first`).waitFor();
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: file });
}
