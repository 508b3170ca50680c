import { createHash } from "node:crypto";
import { sha256Hex } from "@medley/media";
import type { BlobStore } from "@medley/storage/picture-stores";
import { CliError } from "../cli-error.ts";
import type { FinishedFiles } from "./finished-files.ts";
import { type FileRecord, SealedOutput } from "./sealed-output.ts";
import { TAR_END, tarMember } from "./tar-member.ts";

/** A picture with what is said about it: members KEY.ENDING, KEY.json and, for a pair, KEY.txt. */
export interface Sample {
  /** Without dots: readers take what is before the first one for the key. */
  readonly key: string;
  readonly ending: string;
  readonly sha256: string;
  readonly text: string | null;
  readonly detail: object;
}

export interface ShardTarget {
  readonly directory: string;
  /** Path of the shards up to their number, such as "pairs-". */
  readonly prefix: string;
  readonly samplesEach: number;
  readonly blobs: BlobStore;
  readonly finished: FinishedFiles;
}

/** WebDataset shards that are written as their samples come in. One that is on the disk already is not written again. */
export interface Shards {
  readonly add: (sample: Sample) => Promise<void>;
  readonly end: () => Promise<FileRecord[]>;
}

export function openShards(target: ShardTarget): Shards {
  const files: FileRecord[] = [];
  let samples: Sample[] = [];
  const close = async () => {
    const name = `${target.prefix}${String(files.length).padStart(6, "0")}.tar`;
    const contents = contentsOf(samples);
    const known = await target.finished.find(name, contents);
    if (known) files.push(known);
    else {
      const written = { ...(await writeShard(target, name, samples)), contents };
      await target.finished.add(written);
      files.push(written);
    }
    samples = [];
  };
  return {
    async add(sample) {
      samples.push(sample);
      if (samples.length === target.samplesEach) await close();
    },
    async end() {
      if (samples.length > 0) await close();
      return files;
    },
  };
}

/** Says what a shard is made from without reading a picture: their SHA-256 stand for the bytes. */
function contentsOf(samples: readonly Sample[]): string {
  const hash = createHash("sha256");
  for (const sample of samples) hash.update(`${JSON.stringify(sample)}\n`);
  return hash.digest("hex");
}

async function writeShard({ directory, blobs }: ShardTarget, name: string, samples: readonly Sample[]) {
  await using output = await SealedOutput.open(directory, name);
  for (const { key, ending, sha256, text, detail } of samples) {
    const members: [string, Uint8Array][] = [
      [ending, await readPicture(blobs, sha256)],
      ["json", Buffer.from(JSON.stringify(detail))],
      ...(text === null ? [] : [["txt", Buffer.from(text)] satisfies [string, Uint8Array]]),
    ];
    for (const [field, bytes] of members)
      for (const part of tarMember(`${key}.${field}`, bytes)) await output.write(part);
  }
  await output.write(TAR_END);
  return await output.seal();
}

async function readPicture(blobs: BlobStore, sha256: string): Promise<Buffer> {
  const bytes = await blobs.read(sha256);
  const found = sha256Hex(bytes);
  if (found === sha256) return bytes;
  const message = `The stored picture "${blobs.placeOf(sha256)}" is damaged: its SHA-256 is ${found}, its name says otherwise. Remove that file and ingest the picture again, then export again.`;
  throw new CliError("DAMAGED_PICTURE", message);
}
