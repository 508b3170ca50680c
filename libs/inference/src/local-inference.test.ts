import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "@medley/inference-api";
import { describe, expect, test } from "vitest";
import { createLocalInference, type LocalInferenceOptions } from "./local-inference.ts";
import { openModelSet } from "./model-set.ts";
import { openFixture, seededPicture } from "./testing/fixture.ts";

async function open(name: string, more: Partial<LocalInferenceOptions> & { file?: string; module?: string } = {}) {
  const fixture = openFixture(name);
  const { file = "", module = "raw-pixels", ...options } = more;
  const inference = await createLocalInference({
    modelSet: options.modelSet ?? (await openModelSet(fixture.folder + file)),
    resources: { url: new URL(`./testing/${module}.ts`, import.meta.url).href, settings: {} },
    graphDirectory: mkdtempSync(join(tmpdir(), "medley-graphs-")),
    workers: 2,
    ...options,
  });
  return { inference, fixture };
}

function values<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.map((one) => {
    if (!one.ok) throw one.error;
    return one.value;
  });
}

const picture = (seed: number, size = 42) => ({ bytes: seededPicture(seed, size) });

describe("the engine in worker threads", () => {
  test("answers in input order, and one bad picture is one error in its place", async () => {
    const { inference } = await open("retrieval-wide");
    await using _engine = inference;
    const good = [picture(1), picture(2), picture(3)];
    const alone = await Promise.all(good.map(async (one) => values(await inference.embedImages([one]))[0]));
    const mixed = await inference.embedImages([
      good[0],
      { bytes: Uint8Array.of(1, 2, 3) },
      good[1],
      good[2],
    ] as typeof good);
    expect(mixed.map((one) => one.ok)).toEqual([true, false, true, true]);
    expect(mixed[1]).toMatchObject({ ok: false, error: { code: "INVALID_IMAGE", retryable: false } });
    expect(values([mixed[0], mixed[2], mixed[3]] as Outcome<Float32Array>[])).toEqual(alone);
  });

  test("gives the same logits for an image alone and among others", async () => {
    const { inference } = await open("retrieval-wide");
    await using _engine = inference;
    const images = Array.from({ length: 20 }, (_, index) => picture(index + 1));
    const together = values(await inference.matchImages("a dog near the house", images));
    const [alone] = values(await inference.matchImages("a dog near the house", [picture(7)]));
    expect(Math.abs((together[6]?.itmLogit as number) - (alone?.itmLogit as number))).toBeLessThan(1e-5);
    const [turned] = values(await inference.matchTexts(picture(7), ["a dog near the house"]));
    expect(Math.abs((turned?.itmLogit as number) - (alone?.itmLogit as number))).toBeLessThan(1e-4);
  });

  test("switches to explicit keys and values for long texts without changing the result", async () => {
    const { inference } = await open("retrieval-wide");
    await using _engine = inference;
    const long =
      "a happy child and three small birds are playing with a yellow ball under the old tree in the green grass";
    const [byImages] = values(await inference.matchImages(long, [picture(3)]));
    const [byTexts] = values(await inference.matchTexts(picture(3), [long]));
    expect(Math.abs((byImages?.itmLogit as number) - (byTexts?.itmLogit as number))).toBeLessThan(1e-4);
  });

  test("refuses an empty text by name and still does the others", async () => {
    const { inference } = await open("retrieval-square");
    await using _engine = inference;
    const [empty, fine] = await inference.embedTexts([" ... ", "a dog"]);
    expect(empty).toMatchObject({ ok: false, error: { code: "INVALID_TEXT" } });
    expect(fine?.ok).toBe(true);
  });

  test("says which roles a model set has when another is asked for", async () => {
    const { inference } = await open("retrieval-square");
    await using _engine = inference;
    const call = inference.captionImages([picture(1)], { decoding: { method: "greedy" } });
    await expect(call).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    await expect(call).rejects.toThrow(/it has: retrieval, filter/);
  });

  test("refuses more work than the queue holds with a retryable error, and takes it later", async () => {
    const { inference } = await open("retrieval-square", { maxQueuedItems: 4 });
    await using _engine = inference;
    const many = Array.from({ length: 12 }, (_, index) => `word${index} dog`);
    await expect(inference.embedTexts(many)).rejects.toMatchObject({ code: "OVERLOADED", retryable: true });
    expect(values(await inference.embedTexts(many.slice(0, 4)))).toHaveLength(4);
  });

  test("gives up at the deadline and when the caller goes away", async () => {
    const { inference } = await open("captioner", { workers: 1 });
    await using _engine = inference;
    const pictures = Array.from({ length: 30 }, (_, index) => picture(index + 1, 32));
    const request = { decoding: { method: "beam", beams: 3 } } as const;
    const late = await inference.captionImages(pictures, request, { deadlineMs: 1 });
    expect(late.filter((one) => !one.ok && one.error.code === "DEADLINE_EXCEEDED").length).toBeGreaterThan(20);
    const abort = new AbortController();
    const leaving = inference.captionImages(pictures, request, { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    expect((await leaving).filter((one) => !one.ok && one.error.code === "CANCELLED").length).toBeGreaterThan(20);
    expect(values(await inference.captionImages([picture(1, 32)], request))).toHaveLength(1);
  });

  test("keeps the items of one call when another call in the same batch is given up", async () => {
    const { inference } = await open("retrieval-wide", { workers: 1 });
    await using _engine = inference;
    const images = Array.from({ length: 12 }, (_, index) => picture(index + 1));
    const abort = new AbortController();
    const leaving = inference.matchImages("a dog", images.slice(0, 6), { signal: abort.signal });
    const staying = inference.matchImages("a dog", images.slice(6));
    setTimeout(() => abort.abort(), 5);
    expect(values(await staying)).toHaveLength(6);
    await leaving;
  });

  test("replaces a worker that dies, fails only its item, and goes on", async () => {
    const { inference } = await open("retrieval-square", { module: "fragile-pixels", workers: 1 });
    await using _engine = inference;
    const size = openFixture("retrieval-square").reference["imageSize"] as number;
    const images = [picture(1, size), { bytes: Uint8Array.of(0) }, picture(2, size)];
    const outcomes = await inference.embedImages(images);
    expect(outcomes.map((one) => one.ok)).toEqual([true, false, true]);
    expect(outcomes[1]).toMatchObject({ ok: false, error: { code: "ENGINE_FAILED", retryable: true } });
  });

  test("samples the same caption for the same seed, alone or in a batch, and another for another seed", async () => {
    const { inference } = await open("captioner");
    await using _engine = inference;
    const images = Array.from({ length: 6 }, (_, index) => picture(index + 1, 32));
    const sample = async (seed: number, some: typeof images) =>
      values(await inference.captionImages(some, { decoding: { method: "nucleus", topP: 0.9, seed } })).map(
        (one) => one.tokenIds,
      );
    const first = await sample(1, images);
    expect(await sample(1, images)).toEqual(first);
    expect(await sample(1, images.slice(2, 3))).toEqual(first.slice(2, 3));
    expect(await sample(2, images)).not.toEqual(first);
  });

  test("refuses a length that leaves no room for a text", async () => {
    const { inference } = await open("captioner");
    await using _engine = inference;
    const decoding = { method: "beam", beams: 2, maxLength: 4 } as const;
    const caption = inference.captionImages([picture(1, 32)], { prompt: "a picture of ", decoding });
    const message = expect.stringContaining("maxLength is 4, but what the text starts from has 4 tokens already");
    await expect(caption).rejects.toMatchObject({ code: "INVALID_TEXT", message });
    const enough = await inference.captionImages([picture(1, 32)], {
      prompt: "a picture of ",
      decoding: { ...decoding, maxLength: 5 },
    });
    expect(values(enough)[0]?.tokenIds).toHaveLength(5);
  });

  test("serves a further model beside the retrieval model, each with its own outputs", async () => {
    const { inference } = await open("retrieval-square");
    await using _engine = inference;
    const { folder: checkpoint, reference } = openFixture("retrieval-wide");
    const [own] = await inference.models();
    const loaded = await inference.loadModel({ checkpoint, name: "wide", itcWeight: 3 });
    expect(loaded).toMatchObject({ role: "retrieval", name: "wide", itcWeight: 3 });
    expect(await inference.loadModel({ checkpoint })).toEqual(loaded);
    const corrected = { ...loaded, name: "again", itcWeight: 5 };
    expect(await inference.loadModel({ checkpoint, name: "again", itcWeight: 5 })).toEqual(corrected);
    expect(await inference.loadModel({ checkpoint, name: "wide", itcWeight: 3 })).toEqual(loaded);
    expect((await inference.models()).filter(({ role }) => role === "retrieval")).toEqual([own, loaded]);

    const { inference: alone } = await open("retrieval-wide");
    await using _alone = alone;
    const named = { model: loaded.fingerprint };
    const images = [picture(1, reference["imageSize"] as number)];
    expect(await inference.embedTexts(["a dog"], named)).toEqual(await alone.embedTexts(["a dog"]));
    expect(await inference.embedImages(images, named)).toEqual(await alone.embedImages(images));
    expect(await inference.matchImages("a dog", images, named)).toEqual(await alone.matchImages("a dog", images));
    expect(await inference.embedTexts(["a dog"], { model: own?.fingerprint ?? "" })).toEqual(
      await inference.embedTexts(["a dog"]),
    );
    const byFilter = inference.matchImages("a dog", images, { ...named, role: "filter" });
    await expect(byFilter).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  test("refuses to load what cannot embed, and goes on", async () => {
    const { inference } = await open("retrieval-square");
    await using _engine = inference;
    const load = inference.loadModel({ checkpoint: openFixture("captioner").folder });
    await expect(load).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(load).rejects.toThrow(/cannot serve as retrieval; it can only: caption/);
    expect(values(await inference.embedTexts(["a dog"]))).toHaveLength(1);
  });

  test("serves the further models of a model set, and says what is wrong with their list", async () => {
    const folder = mkdtempSync(join(tmpdir(), "medley-set-"));
    const write = (further: unknown) => {
      const roles = { retrieval: { checkpoint: openFixture("retrieval-square").folder } };
      writeFileSync(join(folder, "medley.models.json"), JSON.stringify({ name: "two", roles, further }));
      return openModelSet(join(folder, "medley.models.json"));
    };
    const checkpoint = openFixture("retrieval-wide").folder;
    const { inference } = await open("retrieval-square", { modelSet: await write([{ checkpoint, name: "wide" }]) });
    await using _engine = inference;
    expect((await inference.models()).map(({ role, name }) => `${role} ${name}`)).toContain("retrieval wide");
    await expect(write({})).rejects.toThrow(/"further" is \{\}, expected a list/);
    await expect(write([{ checkpoint, itcWeight: "3" }])).rejects.toThrow(
      /"further\[0\].itcWeight" is "3", expected a number/,
    );
    await expect(write([{ checkpoint: "gone" }])).rejects.toThrow(
      /further\[0\].checkpoint is "gone", but .* does not exist/,
    );
  });

  test("ranks a closed list of answers and names the chosen one", async () => {
    const { inference } = await open("answerer");
    await using _engine = inference;
    const answers = ["yes", "no", "red", "two dogs"];
    const question = { image: picture(1, 24), question: "what color is the dog?" };
    const [answer] = values(await inference.answerQuestions([question], { mode: "rank", answers }));
    expect(answers).toContain(answer?.text);
    expect(answer?.mode).toBe("rank");
    const [empty] = await inference.answerQuestions([question], { mode: "rank", answers: [] });
    expect(empty).toMatchObject({ ok: false, error: { code: "INVALID_TEXT" } });
  });
});
