import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  expectedFiles,
  expectRefusal,
  fixturePath,
  inJavaScriptNotation,
  readAll,
  readFixture,
  safetensors,
  TemporaryFolder,
} from "./fixture-files.ts";
import { openCheckpoint } from "./open-checkpoint.ts";
import { readTensor } from "./stored-tensor.ts";

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

describe("opening", () => {
  it.each(expectedFiles())("reads from $file the numbers that PyTorch wrote", async ({ file, tensors }) => {
    const checkpoint = await openCheckpoint(fixturePath(file));

    expect(await readAll(checkpoint)).toEqual(inJavaScriptNotation(tensors));
  });

  it("recognises a file by its content under any name", async () => {
    const torch = folder.write("a.safetensors", readFixture("protocol-2.pth"));
    const single = folder.write("b.bin", readFixture("plain.safetensors"));

    expect((await openCheckpoint(torch)).format).toBe("torch");
    expect((await openCheckpoint(single)).format).toBe("safetensors");
  });

  it("says where each tensor lies, so that others can read it in place", async () => {
    const checkpoint = await openCheckpoint(fixturePath("protocol-2.pth"));
    const tensor = checkpoint.tensors.get("float32");
    if (tensor === undefined) throw new Error("float32 is in the fixture");

    await using file = await open(tensor.file);
    const { buffer } = await file.read(Buffer.alloc(tensor.lengthBytes), 0, tensor.lengthBytes, tensor.offsetBytes);

    expect(buffer.readFloatLE(4 * 7)).toBeCloseTo(1, 6);
    expect(tensor.strides).toEqual([4, 1]);
  });

  it("gives tied names one place", async () => {
    const { tensors } = await openCheckpoint(fixturePath("protocol-2.pth"));

    expect({ ...tensors.get("tied"), name: "base" }).toEqual(tensors.get("base"));
  });

  it("counts the span of a strided view, gaps included", async () => {
    const { tensors } = await openCheckpoint(fixturePath("protocol-2.pth"));

    expect(tensors.get("column")).toMatchObject({ shape: [2, 2], strides: [12, 4], lengthBytes: 4 * 17 });
    expect(tensors.get("expanded")).toMatchObject({ shape: [2, 3], strides: [0, 0], lengthBytes: 4 });
  });

  it("keeps the metadata of a safetensors file", async () => {
    const { metadata } = await openCheckpoint(fixturePath("plain.safetensors"));

    expect(metadata).toEqual({ format: "pt", note: "ünïcode" });
  });

  it("keeps the numbers, strings and flags beside the weights of a training checkpoint", async () => {
    const { metadata } = await openCheckpoint(fixturePath("training.pth"));

    expect(metadata).toEqual({ epoch: "7", finished: "true", negative: "-1099511627776" });
  });

  it("lists the shards of an index once each", async () => {
    const { files } = await openCheckpoint(fixturePath("pytorch_model.bin.index.json"));

    expect(files).toEqual([1, 2].map((number) => fixturePath(`pytorch_model-0000${number}-of-00002.bin`)));
  });

  it("follows the symbolic links of a hub cache, for single files and for shards", async () => {
    const snapshot = join(folder.path, "snapshot");
    const blobs = join(folder.path, "blobs");
    mkdirSync(snapshot);
    mkdirSync(blobs);
    for (const [number, name] of [
      "model.safetensors.index.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
    ].entries()) {
      folder.write(`blobs/${number}`, readFixture(name));
      symlinkSync(`../blobs/${number}`, join(snapshot, name));
    }

    const checkpoint = await openCheckpoint(join(snapshot, "model.safetensors.index.json"));

    expect(checkpoint.files).toEqual([join(blobs, "1"), join(blobs, "2")]);
    expect(checkpoint.tensors.size).toBe(12);
  });

  it.skipIf(!existsSync("/proc/self/fd"))("leaves no file open, whether it succeeds or refuses", async () => {
    const openBefore = readdirSync("/proc/self/fd").length;

    for (let round = 0; round < 20; round++) {
      const { tensors } = await openCheckpoint(fixturePath("model.safetensors.index.json"));
      for (const tensor of tensors.values()) await readTensor(tensor);
      await openCheckpoint(fixturePath("hostile.pth")).catch(() => undefined);
      await openCheckpoint(fixturePath("complex.pth")).catch(() => undefined);
    }

    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(openBefore + 2);
  });
});

describe("refusing what is no checkpoint", () => {
  it("says that a path does not exist", async () => {
    await expectRefusal(join(folder.path, "absent.pth"), "NOT_FOUND", "absent.pth", "ENOENT");
  });

  it("refuses a folder, which has no content of its own", async () => {
    await expectRefusal(folder.path, "UNSUPPORTED", "not a regular file");
  });

  it("counts the bytes of an empty file", async () => {
    await expectRefusal(folder.write("empty.pth", ""), "TRUNCATED", "has 0 bytes");
  });

  it.each([
    { content: readFixture("legacy.pth"), part: "torch.save(torch.load(" },
    { content: Buffer.from("80027d712e0000000000", "hex"), part: "bare pickle" },
    { content: "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", part: "git lfs pull" },
    { content: "\x89HDF\r\n\x1a\n123456789", part: "TensorFlow" },
    { content: "GGUF\x03\x00\x00\x00\x01\x00\x00\x00\x01", part: "GGUF" },
    { content: "<!doctype html><html>", part: "web page" },
  ])("says what to do with a file that $part", async ({ content, part }) => {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;

    await expectRefusal(folder.write("foreign", bytes), "UNSUPPORTED", part);
  });

  it("shows the first bytes of a file of no known kind", async () => {
    await expectRefusal(folder.write("noise", "what is this then"), "MALFORMED", "what is this the");
  });
});

describe("refusing an index", () => {
  const write = (index: unknown) => folder.write("model.safetensors.index.json", JSON.stringify(index));

  it.each(["../outside.safetensors", "/etc/passwd", "a/../../b", "..\\b", "C:\\b", "./a", "", "a//b", "a\0b", 7, null])(
    "that names the shard %j, outside its folder",
    async (shard) => {
      await expectRefusal(write({ weight_map: { w: shard } }), "MALFORMED", '"w"', "beside the index");
    },
  );

  it("that is another JSON file", async () => {
    await expectRefusal(folder.write("config.json", '{\n  "model_type": "blip"\n}'), "MALFORMED", "weight_map");
  });

  it("without a single shard", async () => {
    await expectRefusal(write({ weight_map: {} }), "MALFORMED", "0 shards");
  });

  it("whose shard is missing, by the shard's name", async () => {
    await expectRefusal(write({ weight_map: { w: "gone.safetensors" } }), "NOT_FOUND", "gone.safetensors");
  });

  it("whose shard does not hold the tensor, by both names", async () => {
    folder.write("shard.safetensors", safetensors({}, 0));

    await expectRefusal(write({ weight_map: { w: "shard.safetensors" } }), "MALFORMED", '"w"', '"shard.safetensors"');
  });

  it("whose shard is an index itself", async () => {
    const path = write({ weight_map: { w: "model.safetensors.index.json" } });

    await expectRefusal(path, "MALFORMED", "itself an index");
  });

  it("whose shards are of two formats", async () => {
    folder.write("one.safetensors", readFixture("plain.safetensors"));
    folder.write("two.bin", readFixture("training.pth"));

    const path = write({ weight_map: { scalar: "one.safetensors", "0.bias": "two.bin" } });

    await expectRefusal(path, "MALFORMED", "mixed");
  });

  it("that names one tensor twice", async () => {
    const text = '{"weight_map": {"w": "a.safetensors", "w": "b.safetensors"}}';

    await expectRefusal(folder.write("index.json", text), "MALFORMED", '"w" twice');
  });

  it("that names more than a thousand shards", async () => {
    const weightMap = Object.fromEntries(Array.from({ length: 1001 }, (_, number) => [`w${number}`, `s${number}`]));

    await expectRefusal(write({ weight_map: weightMap }), "TOO_LARGE", "1001 shards");
  });
});
