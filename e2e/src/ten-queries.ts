import { parseArgs } from "node:util";
import { join } from "node:path";
import { createScreenshotFolder, openBrowser } from "./support/browser.ts";
import { askGraphql } from "./support/stack.ts";

// Ten searches of the demo corpus as a person would type them, chosen before any result was seen, with every picture of the
// corpus that a person would call a right answer. Not a test: it needs a running `npm start`, and says how good the model is.
const QUERIES: readonly { readonly text: string; readonly right: readonly string[] }[] = [
  { text: "a kitten playing with a ball of yarn", right: ["gcompris/farm-animals-cat"] },
  {
    text: "a red apple",
    right: ["fluent-3d/red-apple", "openclipart/food-fruit-apple", "openclipart/food-fruit-cartoon-apple-k-yager-01"],
  },
  {
    text: "snowy mountains",
    right: [
      "fluent-3d/snow-capped-mountain",
      ...["mountain3", "sky8", "snow0", "snow2", "snow3", "snow4", "snow6"].map((name) => `endless-sky/${name}`),
    ],
  },
  { text: "a slice of pizza", right: ["fluent-3d/pizza"] },
  { text: "a sloth hanging from a branch", right: ["fluent-3d/sloth"] },
  {
    text: "a birthday cake with candles",
    right: ["fluent-3d/birthday-cake", "openclipart/food-desserts-birthday-cake"],
  },
  { text: "a lighthouse", right: ["openclipart/buildings-homes-lighthouse-matthew-gates"] },
  {
    text: "windmills",
    right: ["", 1, 11, 12, 13, 14, 15, 2, 3, 4, 7, 8, 9].map((number) => `gcompris/renewable-windmill${number}`),
  },
  { text: "the earth from space", right: ["endless-sky/earthrise", "gcompris/solar-system-earth"] },
  {
    text: "a bicycle",
    right: [
      "fluent-3d/bicycle",
      "openclipart/transportation-bike-tobias-jakobs",
      "openclipart/transportation-vehicles-bicycle-01",
    ],
  },
];

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
    screenshots: { type: "string", default: createScreenshotFolder() },
  },
});
const { url, corpus, screenshots } = values;
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
for (const [index, { text, right }] of QUERIES.entries()) {
  const { search, alone } = await askGraphql<Found>(
    url,
    `query ($corpus: String!, $text: String!) {
      search(corpus: $corpus, text: $text, first: 500) { ...found }
      alone: search(corpus: $corpus, text: $text, first: 500, textWeight: 0) { ...found }
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
  `${rightFirst} of ${QUERIES.length} with a right picture first; ${rightFirstAlone} by what the models see alone (textWeight 0). Screenshots: ${screenshots}`,
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
