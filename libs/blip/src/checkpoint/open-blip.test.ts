import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { openBlip } from "./open-blip.ts";

const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));

/** A copy of a fixture that a test may spoil. */
function copyOf(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "medley-blip-"));
  cpSync(join(fixtures, name), folder, { recursive: true });
  return folder;
}

type Json = Record<string, Record<string, unknown>>;

function editJson(file: string, edit: (json: Json) => void): void {
  const json = JSON.parse(readFileSync(file, "utf8")) as Json;
  edit(json);
  writeFileSync(file, JSON.stringify(json));
}

/** Rewrites the header of a safetensors file; tensor bytes stay where they are unless `edit` moves their offsets. */
function editHeader(file: string, edit: (header: Json) => void): void {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8")) as Json;
  edit(header);
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([size, text, bytes.subarray(8 + length)]));
}

describe("opening a checkpoint", () => {
  test("reads geometry from config.json, with towers of different width and heads that are not width / 64", async () => {
    const blip = await openBlip(join(fixtures, "retrieval-wide"));
    expect(blip.vision).toMatchObject({ width: 56, layers: 3, heads: 7, patchPixels: 14, imagePixels: 42 });
    expect(blip.textEncoder).toMatchObject({ width: 36, layers: 2, heads: 3, crossWidth: 56 });
    expect([...blip.abilities].sort()).toEqual(["embed", "match"]);
    expect(blip.unexpected).toEqual([]);
  });

  test("derives the geometry of an original checkpoint from shapes and skips what belongs to training", async () => {
    const blip = await openBlip(join(fixtures, "original/retrieval/model_retrieval.pth"));
    expect(blip.layout).toBe("original");
    expect(blip.vision).toMatchObject({ width: 64, heads: 1, imagePixels: 24, layerNormEpsilon: 1e-6 });
    expect(blip.unexpected).toEqual([]);
    expect([...blip.tensors.keys()].some((name) => /_m\.|queue|temp/.test(name))).toBe(false);
  });

  test("tells what a checkpoint can do from the towers and heads it holds", async () => {
    const abilities = async (path: string) => [...(await openBlip(join(fixtures, path))).abilities].sort();
    expect(await abilities("captioner")).toEqual(["caption"]);
    expect(await abilities("answerer")).toEqual(["answer"]);
    expect(await abilities("original/pretrain/model_pretrain.pth")).toEqual(["answer", "caption", "embed", "match"]);
  });

  test("takes the cross-attention width of a VQA decoder from its tensors", async () => {
    const blip = await openBlip(join(fixtures, "original/answerer/model_vqa.pth"));
    expect([blip.vision.width, blip.textEncoder?.crossWidth, blip.textDecoder?.crossWidth]).toEqual([128, 128, 64]);
  });

  test("takes [DEC] from config.json and [ENC] as the one after it", async () => {
    const { tokenizer } = await openBlip(join(fixtures, "retrieval-square"));
    expect(tokenizer.specialTokens).toMatchObject({ decode: 176, encode: 177 });
  });

  test("names the missing tensor when a checkpoint is incomplete", async () => {
    const folder = copyOf("retrieval-square");
    const name = "text_encoder.encoder.layer.0.crossattention.self.key.bias";
    editHeader(join(folder, "model.safetensors"), (header) => {
      header["left.over"] = header[name] as Record<string, unknown>;
      delete header[name];
    });
    await expect(openBlip(folder)).rejects.toMatchObject({ code: "MISSING_TENSOR" });
    await expect(openBlip(folder)).rejects.toThrow(`tensor "${name}" with shape [48] is missing`);
  });

  test("lists tensors that no part of the model reads", async () => {
    const folder = copyOf("retrieval-square");
    editHeader(join(folder, "model.safetensors"), (header) => {
      const last = Object.values(header).reduce((end, one) => {
        const [, stop = 0] = (one["data_offsets"] as number[] | undefined) ?? [];
        return Math.max(end, stop);
      }, 0);
      header["spare.weight"] = { dtype: "F32", shape: [0], data_offsets: [last, last] };
    });
    expect((await openBlip(folder)).unexpected).toEqual(["spare.weight"]);
  });

  test("names the tensor and both shapes when config.json belongs to another model", async () => {
    const folder = copyOf("retrieval-square");
    editJson(join(folder, "config.json"), (json) => {
      (json["text_config"] as Record<string, unknown>)["intermediate_size"] = 999;
    });
    await expect(openBlip(folder)).rejects.toMatchObject({ code: "WRONG_SHAPE" });
    await expect(openBlip(folder)).rejects.toThrow(
      /"text_encoder\.encoder\.layer\.0\.intermediate\.dense\.weight" has shape \[\d+,48\], expected \[999,48\]/,
    );
  });

  test("refuses a number of heads that does not divide the width, and another activation", async () => {
    const folder = copyOf("retrieval-square");
    const file = join(folder, "config.json");
    editJson(file, (json) => {
      (json["text_config"] as Record<string, unknown>)["num_attention_heads"] = 5;
    });
    await expect(openBlip(folder)).rejects.toThrow(
      "text_config.num_attention_heads is 5, which does not divide hidden_size 48",
    );
    editJson(file, (json) => {
      Object.assign(json["text_config"] as object, { num_attention_heads: 4, hidden_act: "gelu_new" });
    });
    await expect(openBlip(folder)).rejects.toThrow('text_config.hidden_act is "gelu_new"');
  });

  test("refuses a vocabulary larger than the embedding", async () => {
    const folder = copyOf("retrieval-square");
    const file = join(folder, "vocab.txt");
    writeFileSync(file, `${readFileSync(file, "utf8").trimEnd()}\none\ntwo\nthree\n`);
    await expect(openBlip(folder)).rejects.toMatchObject({ code: "BAD_VOCABULARY" });
  });

  test("says what is wrong with a folder that is no checkpoint", async () => {
    const empty = mkdtempSync(join(tmpdir(), "medley-empty-"));
    await expect(openBlip(empty)).rejects.toThrow("is expected to hold one weights file");
    await expect(openBlip(join(empty, "nothing"))).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    const headless = copyOf("retrieval-square");
    rmSync(join(headless, "config.json"));
    await expect(openBlip(headless)).rejects.toThrow("has no config.json");
  });
});
