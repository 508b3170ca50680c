import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Blip, openBlip } from "@medley/blip";
import { InferenceError, type Role } from "@medley/inference-api";
import type { ModelPlan } from "./model-graphs.ts";

/** Which first token the image-grounded encoder gets: [ENC] as the weights were trained, or [CLS] as Hugging Face does. */
export type ItmToken = "enc" | "cls";

/** A checkpoint as workers see it. */
export interface CheckpointReference extends ModelPlan {
  /** See `ModelInfo.visionFingerprint`. */
  readonly visionFingerprint: string;
}

/** Which checkpoint serves which role, and what belongs to the set as a whole. */
export interface ModelSet {
  readonly name: string;
  readonly roles: ReadonlyMap<Role, Blip>;
  readonly itmToken: ItmToken;
  /** Weight w of itcCosine in the rerank order itmLogit + w * itcCosine; 1 is BLIP's rule. */
  readonly itcWeight: number;
  readonly captionPrompt: string;
}

/** BLIP's caption prompt (configs/caption_coco.yaml), with its trailing space. */
const CAPTION_PROMPT = "a picture of ";
const BLIP_ITC_WEIGHT = 1;
const ROLES: readonly Role[] = ["retrieval", "filter", "captioner", "answerer"];

/**
 * Opens a model set.
 * @param path a `medley.models.json`, or one checkpoint (folder or file) that serves every role it can
 * @throws InferenceError MODEL_NOT_FOUND, BlipError or CheckpointError saying what does not fit
 */
export async function openModelSet(path: string, options: { readonly itmToken?: ItmToken } = {}): Promise<ModelSet> {
  const itmToken = options.itmToken ?? "enc";
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new InferenceError("MODEL_NOT_FOUND", `${path} does not exist. Give a checkpoint, or a medley.models.json.`);
  }
  if (found.isFile() && path.endsWith(".json") && !path.endsWith(".index.json"))
    return await readModelSet(path, itmToken);
  const blip = await openBlip(path);
  const roles = new Map(ROLES.filter((role) => canServe(blip, role)).map((role) => [role, blip] as const));
  return { name: blip.name, roles, itmToken, itcWeight: BLIP_ITC_WEIGHT, captionPrompt: CAPTION_PROMPT };
}

async function readModelSet(file: string, itmToken: ItmToken): Promise<ModelSet> {
  const json = parseModelSet(file, await readFile(file, "utf8"));
  const opened = new Map<string, Blip>();
  const roles = new Map<Role, Blip>();
  for (const role of ROLES) {
    const entry = json.roles[role];
    if (!entry) continue;
    const path = resolve(dirname(file), entry.checkpoint);
    if (!existsSync(path)) {
      throw new InferenceError(
        "MODEL_NOT_FOUND",
        `${file}: roles.${role}.checkpoint is "${entry.checkpoint}", but ${path} does not exist.`,
      );
    }
    const blip = opened.get(path) ?? (await openBlip(path));
    opened.set(path, blip);
    if (!canServe(blip, role)) {
      const can = [...blip.abilities].join(", ");
      throw new InferenceError("UNSUPPORTED", `${file}: ${path} cannot serve as ${role}; it can only: ${can}.`);
    }
    roles.set(role, blip);
  }
  return { name: json.name, roles, itmToken, itcWeight: json.itcWeight, captionPrompt: json.captionPrompt };
}

interface ModelSetFile {
  readonly name: string;
  readonly roles: Readonly<Partial<Record<Role, { readonly checkpoint: string }>>>;
  readonly itcWeight: number;
  readonly captionPrompt: string;
}

function parseModelSet(file: string, text: string): ModelSetFile {
  const wrong = (what: string): never => {
    throw new InferenceError("MODEL_NOT_FOUND", `${file} is no model set: ${what}.`);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return wrong((error as Error).message);
  }
  if (typeof json !== "object" || json === null) return wrong("expected an object");
  const { name, roles, itcWeight = BLIP_ITC_WEIGHT, captionPrompt = CAPTION_PROMPT } = json as Record<string, unknown>;
  if (typeof name !== "string") return wrong(`"name" is ${JSON.stringify(name)}, expected a text`);
  if (typeof itcWeight !== "number" || !Number.isFinite(itcWeight)) {
    return wrong(`"itcWeight" is ${JSON.stringify(itcWeight)}, expected a number`);
  }
  if (typeof captionPrompt !== "string")
    return wrong(`"captionPrompt" is ${JSON.stringify(captionPrompt)}, expected a text`);
  if (typeof roles !== "object" || roles === null) return wrong(`"roles" is missing`);
  for (const [role, entry] of Object.entries(roles)) {
    if (!ROLES.includes(role as Role)) return wrong(`"roles.${role}" is unknown, expected one of ${ROLES.join(", ")}`);
    if (typeof (entry as { checkpoint?: unknown } | null)?.checkpoint !== "string") {
      return wrong(`"roles.${role}.checkpoint" is expected to be a path relative to the file`);
    }
  }
  return { name, roles: roles as ModelSetFile["roles"], itcWeight, captionPrompt };
}

function canServe(blip: Blip, role: Role): boolean {
  switch (role) {
    case "retrieval":
      return blip.abilities.has("embed") && blip.abilities.has("match");
    case "filter":
      return blip.abilities.has("match");
    case "captioner":
      return blip.abilities.has("caption");
    case "answerer":
      return blip.abilities.has("answer");
    default:
      return role satisfies never;
  }
}
