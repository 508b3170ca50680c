import { expect, test } from "vitest";
import type { Picture } from "../datasets/dataset.ts";
import type { EvaluationResult, Metric } from "../run/result.ts";
import { type ReportFacts, renderReport } from "./render-report.ts";
import { textTable } from "./text-table.ts";

const HOSTILE = `<script>alert("x")</script> & 'y'`;
const ESCAPED = "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;";

const FACTS: ReportFacts = {
  commandLine: `medley evaluate --dataset '${HOSTILE}'`,
  date: new Date("2026-03-04T05:06:07Z"),
  models: [
    { role: "retrieval", name: "small", fingerprint: "f1" },
    { role: "captioner", name: "small", fingerprint: "f1" },
  ],
  settings: [{ name: "Weight w", value: "30" }],
};

const RECALL: Metric = {
  task: "retrieval",
  metric: "recallAt1",
  direction: "text-to-image",
  by: "itc",
  unit: "share",
  value: 0.4312,
  low: 0.401,
  high: 0.4601,
  n: 1299,
  baseline: 0.0007,
  baselineKind: "random order",
};

const MEDIAN: Metric = { ...RECALL, metric: "medianRank", unit: "rank", value: 2.5, low: 2, high: 3, baseline: 650 };

function picture(name: string): Picture {
  return { name, place: { path: `/pictures/${name}` } };
}

function resultOf(change: Partial<EvaluationResult["tasks"][number]> = {}): EvaluationResult {
  const task = {
    task: "retrieval",
    metrics: [RECALL, MEDIAN],
    failures: [],
    best: [],
    worst: [],
    notes: [],
    predictions: [],
  } as const;
  return { dataset: HOSTILE, source: "/sets/x", subset: { limit: 5, seed: 7 }, tasks: [{ ...task, ...change }] };
}

const NO_THUMBNAILS = async () => undefined;

test("escapes every text that comes from a data set or a model", async () => {
  const page = await renderReport(
    resultOf({
      metrics: [{ ...RECALL, group: HOSTILE, baselineKind: HOSTILE }],
      failures: [{ task: "retrieval", item: HOSTILE, code: HOSTILE, message: HOSTILE }],
      best: [
        {
          title: HOSTILE,
          picture: picture(HOSTILE),
          lines: [{ label: HOSTILE, text: HOSTILE }],
          found: [{ picture: picture("a.png"), caption: HOSTILE, right: false }],
        },
      ],
      notes: [HOSTILE],
    }),
    FACTS,
    async () => `data:image/webp;base64,"onerror="alert(1)`,
  );
  expect(page).not.toContain("<script");
  expect(page).not.toContain('"onerror=');
  expect(page.split(ESCAPED).length).toBeGreaterThan(10);
});

test("loads nothing from elsewhere and runs nothing", async () => {
  const page = await renderReport(resultOf(), FACTS, NO_THUMBNAILS);
  expect(page).toContain(`content="default-src 'none'; img-src data: file:; style-src 'unsafe-inline'"`);
  expect(page).not.toMatch(/(src|href)="https?:/);
});

test("says what it takes to run the evaluation again, and that a part is no whole", async () => {
  const page = await renderReport(resultOf(), FACTS, NO_THUMBNAILS);
  for (const text of ["2026-03-04 05:06 UTC", "small", "f1", "medley evaluate --dataset", "seed 7: not comparable"]) {
    expect(page).toContain(text);
  }
  expect(page.split("f1")).toHaveLength(2);
});

test("shows each figure with its interval and what is reached without the model", async () => {
  const page = await renderReport(resultOf(), FACTS, NO_THUMBNAILS);
  expect(page).toContain('<span class="value">43.1</span><span class="interval">40.1–46.0</span>');
  expect(page).toContain('title="random order">0.1*</span>');
  expect(page).toContain('<span class="value">2.5</span><span class="interval">2–3</span>');
});

test("sets what other methods reach beside it, each with its stars", async () => {
  const metric = { ...RECALL, knownBaselines: [{ kind: "colour histogram", value: 0.0042 }] };
  const page = await renderReport(resultOf({ metrics: [metric] }), FACTS, NO_THUMBNAILS);
  expect(page).toContain('title="random order">0.1*</span>');
  expect(page).toContain('title="colour histogram">0.4**</span>');
  expect(page).toContain("** colour histogram.");
  expect(textTable([metric])).toContain("  colour histogram       0.4");
});

test("links to a picture's file where there is no thumbnail, and counts failures beyond those it lists", async () => {
  const failures = Array.from({ length: 250 }, (_, index) => {
    return { task: "retrieval", item: `${index}.png`, code: "INVALID_IMAGE", message: "no picture" } as const;
  });
  const best = [{ title: "a dog", picture: picture("a b.png"), lines: [] }];
  const broken = () => Promise.reject(new Error("not a picture"));
  const page = await renderReport(resultOf({ failures, best }), FACTS, broken);
  expect(page).toContain('href="file:///pictures/a%20b.png"');
  expect(page).toContain("Failures (250)");
  expect(page).toContain("And 50 more.");
});

test("gives a terminal one line for each subject and the baseline below", () => {
  const other = { ...RECALL, by: "itm", value: 0.5, low: null, high: null } as const;
  expect(textTable([RECALL, MEDIAN, other])).toEqual([
    "                         R@1               median rank  n",
    "text → image, itcCosine  43.1 (40.1–46.0)  2.5 (2–3)    1299",
    "text → image, itmLogit   50.0                           1299",
    "  random order           0.1               650",
  ]);
});
