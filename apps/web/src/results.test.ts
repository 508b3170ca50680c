import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { EVERYWHERE } from "./address.ts";
import type { Hit, Report } from "./api.ts";
import { JudgingNotice, ReportNotice } from "./report-notice.tsx";
import { ResultGrid } from "./result-grid.tsx";

const hit: Hit = {
  rank: 1,
  rankBeforeRerank: 9,
  itcCosine: 0.4123,
  itmLogit: 3.456,
  rerankScore: 3.8683,
  textScore: 0,
  fusedScore: 0.75,
  matchProbability: null,
  node: {
    id: "7",
    corpus: { name: "demo" },
    url: "/images/7",
    thumbnailUrl: "/thumbnails/7",
    width: 640,
    height: 480,
    captions: [{ text: "two dogs", source: "WEB" }],
  },
};

const report: Report = {
  milliseconds: 1234,
  stages: [{ stage: "RERANK", milliseconds: 1200 }],
  candidates: { requested: 128, retrieved: 128, byText: 0, reranked: 128 },
  indexMode: "EXACT",
  estimatedRecall: 1,
  cacheHits: { imageTokens: 128, vectors: 0, keptAnswer: false },
  modelName: "small",
  modelFingerprint: "abcdef0123456789",
  itcWeight: 1,
  textWeight: 0.5,
  degraded: [],
};

const gridOf = (hits: Hit[]) =>
  renderToStaticMarkup(
    createElement(ResultGrid, { hits, address: { text: "dogs", corpus: "demo", imageId: null }, onOpen: () => {} }),
  );

test("shows a hit with its picture, its caption as alternative text, its scores and both ranks", () => {
  const page = gridOf([hit]);
  expect(page).toContain('src="/thumbnails/7"');
  expect(page).toContain('alt="two dogs"');
  for (const text of ["+3.46", "0.412", "3.87", "up from 9"]) expect(page).toContain(text);
});

test("says what a picture's own texts say for it, and when nothing else found it", () => {
  const page = gridOf([{ ...hit, textScore: 0.666, rankBeforeRerank: null }]);
  for (const text of ["its texts", "0.67", "found by its texts"]) expect(page).toContain(text);
  expect(gridOf([hit])).not.toContain("its texts");
});

test("says of each hit which collection it is of where several were searched", () => {
  const address = { text: "dogs", corpus: EVERYWHERE, imageId: null };
  const page = renderToStaticMarkup(createElement(ResultGrid, { hits: [hit], address, onOpen: () => {} }));
  expect(page).toContain('<dd class="name">demo</dd>');
  expect(page).toContain('href="/?q=dogs&amp;all=1&amp;image=7"');
  expect(gridOf([hit])).not.toContain(">demo<");
});

test("links a hit to an address that opens it", () => {
  expect(gridOf([hit])).toContain('href="/?q=dogs&amp;corpus=demo&amp;image=7"');
});

test("does not invent a logit for a picture that was not matched, nor a caption for one without", () => {
  const page = gridOf([{ ...hit, itmLogit: null, rerankScore: null, node: { ...hit.node, captions: [] } }]);
  expect(page).toContain("<dd>none</dd>");
  expect(page).not.toContain("rank score");
  expect(page).toContain('alt="Picture 1, no caption"');
});

test("says of a first order what is not judged yet, and how far judging is", () => {
  const unjudged = { ...hit, itmLogit: null, rerankScore: null };
  const address = { text: "dogs", corpus: "demo", imageId: null };
  const grid = createElement(ResultGrid, { hits: [unjudged], address, isPending: true, onOpen: () => {} });
  expect(renderToStaticMarkup(grid)).toContain("<dd>not yet</dd>");
  const notice = renderToStaticMarkup(createElement(JudgingNotice, { judged: 32, candidates: 128 }));
  expect(notice).toContain("32 of 128 pictures compared with the text so far");
  expect(notice).toContain('<progress value="32" max="128"');
});

test("shows every way in which an answer is incomplete", () => {
  const degraded = [{ stage: "RERANK", code: "OVERLOADED", message: "Queue is full.", images: 3 }] as const;
  const page = renderToStaticMarkup(createElement(ReportNotice, { report: { ...report, degraded: [...degraded] } }));
  expect(page).toContain("This answer is incomplete.");
  expect(page).toContain("Queue is full.");
  expect(renderToStaticMarkup(createElement(ReportNotice, { report }))).not.toContain("incomplete");
});

test("says when the index may have missed a picture", () => {
  const approximate: Report = { ...report, indexMode: "HNSW", estimatedRecall: null };
  const notice = renderToStaticMarkup(createElement(ReportNotice, { report: approximate }));
  expect(notice).toContain("approximate");
  expect(notice).not.toContain("such searches");
  const measured = renderToStaticMarkup(
    createElement(ReportNotice, { report: { ...approximate, estimatedRecall: 0.987 } }),
  );
  expect(measured).toContain("such searches found 98.7 % when they were checked");
});

test("says how many pictures were not ready for matching", () => {
  const cacheHits = { ...report.cacheHits, imageTokens: report.candidates.reranked - 1 };
  const noticeOf = (changed: Partial<Report>) =>
    renderToStaticMarkup(createElement(ReportNotice, { report: { ...report, ...changed } }));
  expect(noticeOf({ cacheHits })).toContain("1 picture had to be read anew");
  expect(noticeOf({})).not.toContain("read anew");
});
