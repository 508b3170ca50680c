import { expect, test } from "vitest";
import { calibrationPage } from "./calibration-page.ts";

const reliability = {
  bins: [
    { predicted: 0.1, observed: 0, count: 5 },
    { predicted: 0.9, observed: 1, count: 20 },
  ],
  expectedCalibrationError: 0.1,
  positives: 20,
  negatives: 5,
};

test("draws each bin where it was predicted and observed, the larger one larger, and runs nothing that a query holds", () => {
  const page = calibrationPage({
    title: "Verdicts of <script>",
    sentences: ["One."],
    figures: [{ name: "Model", value: "m & n" }],
    curves: [{ name: "Pairs", reliability }],
    rows: { head: ["Query"], cells: [{ wrong: true, texts: ["<img src=x onerror=alert(1)>"] }] },
  });
  expect(page).not.toContain("<script>");
  expect(page).not.toContain("<img");
  expect(page).toContain("m &amp; n");
  expect(page).toContain("expected calibration error 0.100 on 20 examples that hold and 5 that do not");
  const discs = [...page.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)">/g)].map((match) =>
    match.slice(1).map(Number),
  );
  const [[x1 = 0, y1 = 0, r1 = 0] = [], [x2 = 0, y2 = 0, r2 = 0] = []] = discs;
  expect(x2).toBeGreaterThan(x1);
  expect(y2).toBeLessThan(y1);
  expect(r2).toBeCloseTo(2 * r1, 1);
});
