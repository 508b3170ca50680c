import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { FIXTURES } from "./medley.ts";
import { readPth, type Tensor } from "./read-pth.ts";

type Tensors = ReadonlyMap<string, Tensor>;

/** What a checkpoint is for, with the parts of BLIP's pre-training checkpoint that it consists of. */
const ROLES = {
  retrieval: {
    architecture: "BlipForImageTextRetrieval",
    parts: ["visual_encoder.", "text_encoder.", "vision_proj.", "text_proj.", "itm_head."],
  },
  captioner: { architecture: "BlipForConditionalGeneration", parts: ["visual_encoder.", "text_decoder."] },
  answerer: {
    architecture: "BlipForQuestionAnswering",
    parts: ["visual_encoder.", "text_encoder.", "text_decoder."],
  },
} as const;
export type Role = keyof typeof ROLES;

/** Names of the original code and how Hugging Face calls them; the text towers have the same names in both. */
const RENAMES: readonly [string, string][] = [
  ["visual_encoder.cls_token", "vision_model.embeddings.class_embedding"],
  ["visual_encoder.pos_embed", "vision_model.embeddings.position_embedding"],
  ["visual_encoder.patch_embed.proj", "vision_model.embeddings.patch_embedding"],
  ["visual_encoder.blocks", "vision_model.encoder.layers"],
  ["visual_encoder.norm", "vision_model.post_layernorm"],
  [".norm1.", ".layer_norm1."],
  [".norm2.", ".layer_norm2."],
  [".attn.qkv.", ".self_attn.qkv."],
  [".attn.proj.", ".self_attn.projection."],
];

const ORIGINAL = join(FIXTURES, "original/pretrain/model_pretrain.pth");
const IMAGE_PIXELS = 24;
const PATCH_PIXELS = 8;
/** An original checkpoint says nothing of its heads: they are 64 wide. */
const HEAD_WIDTH = 64;

/** Writes the same weights in the three forms that public checkpoints have, each in a folder of its own. */
export function writeCheckpointForms(role: Role, folder: string): { safetensors: string; bin: string; pth: string } {
  const wanted: readonly string[] = ROLES[role].parts;
  const original = new Map(
    [...readPth(ORIGINAL)].filter(
      ([name]) => wanted.some((part) => name.startsWith(part)) && !name.endsWith(".position_ids"),
    ),
  );
  const renamed = new Map([...original].map(([name, tensor]) => [renameTensor(name), tensor]));
  const safetensors = join(folder, "safetensors");
  const bin = join(folder, "bin");
  const pth = join(folder, "pth", `model_${role}.pth`);
  for (const directory of [safetensors, bin, dirname(pth)]) {
    mkdirSync(directory, { recursive: true });
    copyFileSync(join(dirname(ORIGINAL), "vocab.txt"), join(directory, "vocab.txt"));
  }
  for (const directory of [safetensors, bin]) writeConfiguration(role, original, directory);
  writeFileSync(join(safetensors, "model.safetensors"), safetensorsFile(renamed));
  writeFileSync(join(bin, "pytorch_model.bin"), torchFile(renamed));
  writeFileSync(pth, torchFile(original, "model"));
  return { safetensors, bin, pth };
}

function renameTensor(name: string): string {
  return RENAMES.reduce((renamed, [original, huggingFace]) => renamed.replace(original, huggingFace), name);
}

function writeConfiguration(role: Role, tensors: Tensors, directory: string): void {
  const [, , visionWidth = 0] = tensors.get("visual_encoder.cls_token")?.shape ?? [];
  const text = role === "captioner" ? "text_decoder.bert." : "text_encoder.";
  const [vocabulary = 0, textWidth = 0] = tensors.get(`${text}embeddings.word_embeddings.weight`)?.shape ?? [];
  const rowsOf = (name: string) => tensors.get(name)?.shape[0];
  const layersOf = (pattern: RegExp) =>
    new Set([...tensors.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? [])).size;
  const configuration = {
    architectures: [ROLES[role].architecture],
    model_type: "blip",
    image_text_hidden_size: rowsOf("vision_proj.weight") ?? 256,
    text_config: {
      model_type: "blip_text_model",
      vocab_size: vocabulary,
      hidden_size: textWidth,
      encoder_hidden_size: visionWidth,
      intermediate_size: rowsOf(`${text}encoder.layer.0.intermediate.dense.weight`),
      num_hidden_layers: layersOf(/text_\w+\.(?:bert\.)?encoder\.layer\.(\d+)\./),
      num_attention_heads: textWidth / HEAD_WIDTH,
      max_position_embeddings: rowsOf(`${text}embeddings.position_embeddings.weight`),
      hidden_act: "gelu",
      layer_norm_eps: 1e-12,
      is_decoder: true,
      bos_token_id: vocabulary - 2,
      eos_token_id: 2,
      pad_token_id: 0,
      sep_token_id: 5,
    },
    vision_config: {
      model_type: "blip_vision_model",
      hidden_size: visionWidth,
      intermediate_size: rowsOf("visual_encoder.blocks.0.mlp.fc1.weight"),
      num_hidden_layers: layersOf(/visual_encoder\.blocks\.(\d+)\./),
      num_attention_heads: visionWidth / HEAD_WIDTH,
      image_size: IMAGE_PIXELS,
      patch_size: PATCH_PIXELS,
      hidden_act: "gelu",
      // The original's; Hugging Face's own default is another one, so the file has to say it.
      layer_norm_eps: 1e-6,
    },
  };
  writeFileSync(join(directory, "config.json"), JSON.stringify(configuration));
}

function safetensorsFile(tensors: Tensors): Buffer {
  let offset = 0;
  const entries = [...tensors].map(([name, { dtype, shape, bytes }]) => {
    const data_offsets = [offset, (offset += bytes.length)];
    return [name, { dtype, shape, data_offsets }] as const;
  });
  const json = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}

/** As torch.save writes a state dict, under a key as the original code does or without one. */
function torchFile(tensors: Tensors, key?: string): Buffer {
  const entries = [...tensors].flatMap(([name, tensor], index) => pickleEntry(name, tensor, String(index)));
  const state = [Buffer.from("}("), ...entries, Buffer.from("u")];
  const root = key === undefined ? state : [Buffer.from("}"), pickleText(key), ...state, Buffer.from("s")];
  const pickle = Buffer.concat([Buffer.from([0x80, 2]), ...root, Buffer.from(".")]);
  const storages = [...tensors.values()].map(({ bytes }, index) => [`archive/data/${index}`, bytes] as const);
  return zipFile([["archive/data.pkl", pickle], ["archive/byteorder", Buffer.from("little")], ...storages]);
}

function pickleEntry(name: string, { dtype, shape, bytes }: Tensor, storage: string): Buffer[] {
  if (dtype !== "F32") throw new Error(`"${name}" holds ${dtype}, which is not written here`);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));
  return [
    pickleText(name),
    Buffer.from("ctorch._utils\n_rebuild_tensor_v2\n(("),
    pickleText("storage"),
    Buffer.from("ctorch\nFloatStorage\n"),
    pickleText(storage),
    pickleText("cpu"),
    pickleNumber(bytes.length / 4),
    Buffer.from("tQ"),
    pickleNumber(0),
    pickleTuple(shape),
    pickleTuple(strides),
    Buffer.from([0x89]),
    Buffer.from("ccollections\nOrderedDict\n)RtR"),
  ];
}

function pickleText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.from("X\0\0\0\0");
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function pickleNumber(number: number): Buffer {
  const bytes = Buffer.from("J\0\0\0\0");
  bytes.writeInt32LE(number, 1);
  return bytes;
}

function pickleTuple(numbers: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from("("), ...numbers.map(pickleNumber), Buffer.from("t")]);
}

/** Nothing is compressed, and data begins at multiples of 64 bytes, as torch aligns it. */
function zipFile(entries: readonly (readonly [string, Buffer])[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of entries) {
    const nameBytes = Buffer.from(name);
    const padding = (64 - ((offset + 30 + nameBytes.length) % 64)) % 64;
    const extra = padding >= 4 ? padding : padding + 64;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(bytes.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(nameBytes.length, 22);
    fields.writeUInt16LE(extra, 24);
    const filler = Buffer.alloc(extra);
    filler.write("FB");
    filler.writeUInt16LE(extra - 4, 2);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), fields, nameBytes, filler, bytes]);
    fields.writeUInt16LE(0, 24);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), fields, tail, nameBytes]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, central, Buffer.from("PK\x05\x06", "latin1"), end]);
}
