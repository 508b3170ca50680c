import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { expectRefusal, fixturePath, readFixture, TemporaryFolder, zipArchive } from "./fixture-files.ts";
import { openCheckpoint } from "./open-checkpoint.ts";
import { readTensor } from "./stored-tensor.ts";

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** The pickle of { "w": float32 tensor } over storage "0" of that many elements. Sizes and strides below 256. */
function onePickle(options: { elements?: number; offset?: number; shape?: number[]; strides?: number[] } = {}): Buffer {
  const { elements = 4, offset = 0, shape = [4], strides = [1] } = options;
  const numbers = (values: number[]) => `(${values.map((value) => `K${String.fromCharCode(value)}`).join("")}t`;
  const storage = `(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu${numbers([elements]).slice(1)}Q`;
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K${String.fromCharCode(offset)}`;
  return Buffer.from(`\x80\x02}U\x01w${tensor}${numbers(shape)}${numbers(strides)}\x89}tRs.`, "latin1");
}

function writeArchive(pickle: Buffer, storageBytes = 16, extra: Parameters<typeof zipArchive>[0] = []): string {
  return folder.write(
    "one.pth",
    zipArchive([
      { name: "any name/data.pkl", bytes: pickle },
      { name: "any name/data/0", bytes: Buffer.from(new Float32Array(storageBytes / 4).map((_, i) => i).buffer) },
      ...extra,
    ]),
  );
}

describe("an archive of torch.save", () => {
  it("may have any folder inside and any offset, shape and strides within its storage", async () => {
    const path = writeArchive(onePickle({ offset: 1, shape: [2, 2], strides: [1, 1] }));

    const { tensors } = await openCheckpoint(path);
    const tensor = tensors.get("w");

    expect(tensor && [...(await readTensor(tensor))]).toEqual([1, 2, 2, 3]);
  });

  it.each([
    [{ offset: 1 }, "ends at byte 20 of its storage, which has 16"],
    [{ shape: [5] }, "ends at byte 20"],
    [{ shape: [2], strides: [4] }, "ends at byte 20"],
    [{ shape: [0], strides: [1], offset: 9 }, "ends at byte 36"],
    [{ shape: [2, 2], strides: [1] }, "as many strides"],
    [{ elements: 5 }, "of 20 bytes, the archive has 16"],
    [{ elements: 3, shape: [3] }, "of 12 bytes, the archive has 16"],
  ])("must not reach beyond its storage: %j", async (options, part) => {
    await expectRefusal(writeArchive(onePickle(options)), "MALFORMED", part);
  });

  it("must have the storage that its pickle names", async () => {
    const path = folder.write("none.pth", zipArchive([{ name: "a/data.pkl", bytes: onePickle() }]));

    await expectRefusal(path, "MALFORMED", '"w"', 'storage "0"', "has none");
  });

  it("must have one pickle", async () => {
    await expectRefusal(folder.write("zip.pth", zipArchive([])), "MALFORMED");
    await expectRefusal(
      folder.write("zip.pth", zipArchive([{ name: "a.txt", bytes: Buffer.from("a") }])),
      "MALFORMED",
      "with 0 data.pkl",
    );
    await expectRefusal(
      writeArchive(onePickle(), 16, [{ name: "b/data.pkl", bytes: onePickle() }]),
      "MALFORMED",
      "with 2 data.pkl",
    );
  });

  it("must not list a member twice", async () => {
    const path = writeArchive(onePickle(), 16, [{ name: "any name/data/0", bytes: Buffer.alloc(16) }]);

    await expectRefusal(path, "MALFORMED", "twice");
  });

  it("must have each member end at its neighbour: a damaged header cannot shift the numbers of a tensor", async () => {
    const bytes = Buffer.from(readFixture("protocol-2.pth"));
    const extraLengthAt = bytes.indexOf("protocol-2/data/1") - 2;
    bytes.writeUInt16LE(bytes.readUInt16LE(extraLengthAt) - 4, extraLengthAt);

    await expectRefusal(folder.write("shifted.pth", bytes), "MALFORMED", '"protocol-2/data/1"', "neighbour");
  });

  it("must match the check sum of its pickle", async () => {
    const bytes = zipArchive([
      { name: "a/data.pkl", bytes: onePickle() },
      { name: "a/data/0", bytes: Buffer.alloc(16) },
    ]);
    const at = bytes.indexOf("cpu");
    bytes.write("gpu", at);

    await expectRefusal(folder.write("sum.pth", bytes), "MALFORMED", "check sum");
  });
});

describe("refusing, with the way out", () => {
  it.each([
    ["compressed.pth", "UNSUPPORTED", "compressed (method 8)", "torch.save"],
    ["big-endian.pth", "UNSUPPORTED", '"big"', "little-endian"],
    ["complex.pth", "UNSUPPORTED", '"z"', "complex64"],
    ["float8.pth", "UNSUPPORTED", '"f8"', "float8_e4m3fn"],
    ["negated.pth", "UNSUPPORTED", '"n"', "negated"],
    ["single-tensor.pth", "UNSUPPORTED", "single value", "state_dict()"],
    ["no-tensors.pth", "UNSUPPORTED", '["epoch", "weights"]', "state_dict()"],
    ["whole-module.pth", "HOSTILE_PICKLE", "torch.nn.modules.linear.Linear", "whole-module.pth"],
    ["hostile.pth", "HOSTILE_PICKLE", "os.system", "hostile.pth"],
  ] as const)("%s", async (file, code, ...parts) => {
    await expectRefusal(fixturePath(file), code, ...parts);
  });

  it("a TorchScript program", async () => {
    const path = writeArchive(onePickle(), 16, [{ name: "any name/constants.pkl", bytes: Buffer.from(")") }]);

    await expectRefusal(path, "UNSUPPORTED", "TorchScript", "state_dict()");
  });

  it("an encrypted member", async () => {
    const path = folder.write("locked.pth", zipArchive([{ name: "a/data.pkl", bytes: onePickle(), flags: 1 }]));

    await expectRefusal(path, "UNSUPPORTED", "encrypted");
  });

  it("an archive that ends early", async () => {
    const whole = readFixture("training.pth");

    await expectRefusal(folder.write("cut.pth", whole.subarray(0, 3_000)), "TRUNCATED", "3000 bytes", "Download");
  });
});

describe("an archive beyond 4 GB", () => {
  it("opens through its ZIP64 records without reading the gigabytes", async () => {
    const storageBytes = 5 * 2 ** 30;
    const path = await writeSparseArchive(storageBytes);
    const startedAt = performance.now();

    const { tensors } = await openCheckpoint(path);

    expect(performance.now() - startedAt).toBeLessThan(2_000);
    const [huge, small] = [tensors.get("huge"), tensors.get("small")];
    expect(huge).toMatchObject({ elementType: "uint8", shape: [storageBytes], lengthBytes: storageBytes });
    expect(small?.offsetBytes).toBeGreaterThan(storageBytes);
    expect(small && [...(await readTensor(small))]).toEqual([1, 2, 3]);
    await expect(huge && readTensor(huge)).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  /** { huge: uint8[storageBytes], small: uint8[3] }, with a hole in the file where the zeros are. */
  async function writeSparseArchive(storageBytes: number): Promise<string> {
    const path = join(folder.path, "sparse.pth");
    await using file = await open(path, "w");
    const size = `\x8a\x05${Buffer.from(new BigUint64Array([BigInt(storageBytes)]).buffer).toString("latin1", 0, 5)}`;
    const tensor = (key: string, count: string) =>
      `ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nByteStorage\nU\x01${key}U\x03cpu${count}tQ` +
      `K\x00(${count}t(K\x01t\x89}tR`;
    const pickle = Buffer.from(`\x80\x02}(U\x04huge${tensor("0", size)}U\x05small${tensor("1", "K\x03")}u.`, "latin1");
    const members = [
      { name: "a/data.pkl", sizeBytes: pickle.length, bytes: pickle },
      { name: "a/data/0", sizeBytes: storageBytes, bytes: Buffer.alloc(0) },
      { name: "a/data/1", sizeBytes: 3, bytes: Buffer.from([1, 2, 3]) },
    ];
    let offset = 0;
    const directory: Buffer[] = [];
    for (const { name, sizeBytes, bytes } of members) {
      const local = Buffer.alloc(30 + name.length);
      local.writeUInt32LE(0x04034b50, 0);
      local.writeUInt16LE(name.length, 26);
      local.write(name, 30);
      await file.write(local, 0, local.length, offset);
      await file.write(bytes, 0, bytes.length, offset + local.length);
      const central = Buffer.alloc(46 + name.length + 28, 0);
      central.writeUInt32LE(0x02014b50, 0);
      central.writeUInt32LE(0xffff_ffff, 20);
      central.writeUInt32LE(0xffff_ffff, 24);
      central.writeUInt16LE(name.length, 28);
      central.writeUInt16LE(28, 30);
      central.writeUInt32LE(0xffff_ffff, 42);
      central.write(name, 46);
      const extra = 46 + name.length;
      central.writeUInt16LE(1, extra);
      central.writeUInt16LE(24, extra + 2);
      central.writeBigUInt64LE(BigInt(sizeBytes), extra + 4);
      central.writeBigUInt64LE(BigInt(sizeBytes), extra + 12);
      central.writeBigUInt64LE(BigInt(offset), extra + 20);
      directory.push(central);
      offset += local.length + sizeBytes;
    }
    const list = Buffer.concat(directory);
    const record = Buffer.alloc(56);
    record.writeUInt32LE(0x06064b50, 0);
    record.writeBigUInt64LE(44n, 4);
    record.writeBigUInt64LE(BigInt(members.length), 24);
    record.writeBigUInt64LE(BigInt(members.length), 32);
    record.writeBigUInt64LE(BigInt(list.length), 40);
    record.writeBigUInt64LE(BigInt(offset), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(offset + list.length), 8);
    locator.writeUInt32LE(1, 16);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(members.length, 8);
    end.writeUInt16LE(members.length, 10);
    end.writeUInt32LE(list.length, 12);
    end.writeUInt32LE(0xffff_ffff, 16);
    const tail = Buffer.concat([list, record, locator, end]);
    await file.write(tail, 0, tail.length, offset);
    return path;
  }
});
