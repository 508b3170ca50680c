import { afterAll, describe, expect, it } from "vitest";
import { CheckpointError } from "./checkpoint-error.ts";
import { fixturePath, readAll, readFixture, TemporaryFolder } from "./fixture-files.ts";
import { type Checkpoint, openCheckpoint } from "./open-checkpoint.ts";
import { readTensor, type StoredTensor } from "./stored-tensor.ts";

const ROUNDS_PER_FILE = 125;
const FILES = ["plain.safetensors", "protocol-2.pth", "protocol-4.pth", "training.pth"];

const folder = new TemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** mulberry32: the same sequence on every machine. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Damage {
  readonly bytes: Buffer;
  /** Offsets that changed; undefined when the length changed. */
  readonly changed: readonly number[] | undefined;
}

function damage(whole: Buffer, random: (below: number) => number): Damage {
  const bytes = Buffer.from(whole);
  const at = random(bytes.length);
  switch (random(5)) {
    case 0:
      return { bytes: bytes.subarray(0, at), changed: undefined };
    case 1:
      return { bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(64))]), changed: undefined };
    case 2:
      return {
        bytes: Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + random(64), random(256)), bytes.subarray(at)]),
        changed: undefined,
      };
    case 3: {
      const end = Math.min(at + 1 + random(16), bytes.length);
      bytes.fill(random(2) * 255, at, end);
      return { bytes, changed: Array.from({ length: end - at }, (_, index) => at + index) };
    }
    default: {
      const changed = Array.from({ length: 1 + random(4) }, () => random(bytes.length));
      for (const offset of changed) bytes[offset] = (bytes[offset] ?? 0) ^ (1 << random(8));
      return { bytes, changed };
    }
  }
}

/** The checkpoint, or undefined after a proper refusal. Any other outcome fails the test. */
async function openOrRefuse(path: string): Promise<Checkpoint | undefined> {
  try {
    return await openCheckpoint(path);
  } catch (error) {
    if (error instanceof CheckpointError && error.message.length < 2_000) return undefined;
    throw error;
  }
}

function touches({ offsetBytes, lengthBytes }: StoredTensor, changed: readonly number[] | undefined): boolean {
  return changed === undefined || changed.some((at) => at >= offsetBytes && at < offsetBytes + lengthBytes);
}

describe.each(FILES)("%s", (file) => {
  it(`gives a refusal or right numbers after each of ${ROUNDS_PER_FILE} random damages`, async () => {
    const whole = readFixture(file);
    const right = await readAll(await openCheckpoint(fixturePath(file)));
    const random = randomNumbers(20_220_128 + FILES.indexOf(file));
    let opened = 0;
    for (let round = 0; round < ROUNDS_PER_FILE; round++) {
      const { bytes, changed } = damage(whole, random);
      const checkpoint = await openOrRefuse(folder.write(file, bytes));
      if (checkpoint === undefined) continue;
      opened++;
      for (const [name, tensor] of checkpoint.tensors) {
        const { length } = await readTensor(tensor);
        expect(length).toBe(tensor.shape.reduce((product, size) => product * size, 1));
        expect(tensor.offsetBytes + tensor.lengthBytes).toBeLessThanOrEqual(bytes.length);
        if (checkpoint.format !== "torch" || touches(tensor, changed)) continue;
        // The pickle has a check sum, so whatever still opens lists what it listed before.
        const only = await readAll({ ...checkpoint, tensors: new Map([[name, tensor]]) });
        expect({ round, ...only[name] }).toEqual({ round, ...right[name] });
      }
    }
    expect(opened).toBeGreaterThan(0); // else the damages test nothing beyond the first check
  });

  it("refuses every shorter version of itself as truncated or malformed", async () => {
    const whole = readFixture(file);
    for (let length = 0; length < whole.length; length += length < 256 ? 1 : 61) {
      const error = await openCheckpoint(folder.write(file, whole.subarray(0, length))).catch((reason) => reason);
      expect({ length, code: error.code }).toEqual({ length, code: expect.stringMatching(/^(TRUNCATED|MALFORMED)$/) });
    }
  });
});

it("gives a refusal or tensors within their file after each of 500 changes to a pickle without check sum", async () => {
  const whole = readFixture("no-check-sums.pth");
  const start = whole.indexOf("\x80\x02", 0, "latin1");
  const end = whole.indexOf("PK\x07\x08", start, "latin1");
  const random = randomNumbers(8);
  let opened = 0;
  for (let round = 0; round < 500; round++) {
    const bytes = Buffer.from(whole);
    for (let change = random(2); change >= 0; change--) {
      // Another byte of the same pickle is likelier to be an opcode than a random one.
      bytes[start + random(end - start)] = bytes[start + random(end - start)] ?? 0;
    }
    const checkpoint = await openOrRefuse(folder.write("changed.pth", bytes));
    if (checkpoint === undefined) continue;
    opened++;
    for (const tensor of checkpoint.tensors.values()) {
      expect(tensor.offsetBytes + tensor.lengthBytes).toBeLessThanOrEqual(bytes.length);
      const count = tensor.shape.reduce((product, size) => product * size, 1);
      if (count < 1_000_000) expect((await readTensor(tensor)).length).toBe(count);
    }
  }
  expect(opened).toBeGreaterThan(10);
});
