import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { cleanCaption, cleanQuestion } from "./text.ts";

interface ExpectedText {
  text: string;
  caption30: string;
  caption50: string;
  question: string;
}

const { texts }: { texts: ExpectedText[] } = JSON.parse(
  await readFile(new URL("../fixtures/text/expected.json", import.meta.url), "utf8"),
);

/** The reference keeps control characters; here they are dropped, which changes no token. */
const CONTROL = /[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]/g;

describe("the clean-up of BLIP's data/utils.py", () => {
  it.each(texts)("cleans $text as a caption and as a question", ({ text, caption30, caption50, question }) => {
    expect(cleanCaption(text)).toBe(caption30.replace(CONTROL, ""));
    expect(cleanCaption(text, 50)).toBe(caption50.replace(CONTROL, ""));
    expect(cleanQuestion(text)).toBe(question.replace(CONTROL, ""));
  });

  it("leaves nothing of a text that is only marks and control characters", () => {
    expect(cleanCaption("...\0(!)\x07")).toBe("");
    expect(cleanQuestion("...\0(!)\x07")).toBe("");
  });

  it("takes linear time for a long run of spaces inside a text", () => {
    const hostile = `a${" ".repeat(1_000_000)}b${"\n".repeat(1_000_000)}c`;
    const before = process.threadCpuUsage();
    expect(cleanCaption(hostile)).toBe("a b c");
    cleanQuestion(hostile);
    expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(2_000);
  });
});
