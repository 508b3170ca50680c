import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Blip, defaultEvidence, type EvidenceSettings, openBlip } from "@medley/blip";
import { InferenceError, type ModelToLoad, type Role } from "@medley/inference-api";
import { parseEvidence } from "./evidence-settings.ts";
import type { ModelPlan } from "./model-graphs.ts";

/** Which first token the image-grounded encoder gets: [ENC] as the weights were trained, or [CLS] as Hugging Face does. */
export type ItmToken = "enc" | "cls";

/** A checkpoint as workers see it. */
export interface CheckpointReference extends ModelPlan {
  /** See `ModelInfo.visionFingerprint`. */
  readonly visionFingerprint: string;
}

/** A checkpoint that embeds and matches beside the retrieval model, for the embedding spaces that it built. */
export interface FurtherModel {
  readonly blip: Blip;
  /** For people. */
  readonly name: string;
  readonly itcWeight: number;
  readonly evidence: EvidenceSettings;
}

/** Which checkpoint serves which role, and what belongs to the set as a whole. */
export interface ModelSet {
  readonly name: string;
  readonly roles: ReadonlyMap<Role, Blip>;
  readonly further: readonly FurtherModel[];
  readonly itmToken: ItmToken;
  /** Weight w of itcCosine in the rerank order itmLogit + w * itcCosine; 1 is BLIP's rule. */
  readonly itcWeight: number;
  readonly captionPrompt: string;
  /** How the retrieval model's evidence maps are made; undefined without such a model. */
  readonly evidence: EvidenceSettings | undefined;
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
  const evidence = evidenceOf(roles.get("retrieval"), undefined, path);
  return {
    name: blip.name,
    roles,
    further: [],
    itmToken,
    itcWeight: BLIP_ITC_WEIGHT,
    captionPrompt: CAPTION_PROMPT,
    evidence,
  };
}

/**
 * Opens a checkpoint that is to be served beside the retrieval model.
 * @throws InferenceError MODEL_NOT_FOUND, UNSUPPORTED; BlipError or CheckpointError saying what does not fit
 */
export async function openFurtherModel({
  checkpoint,
  name,
  itcWeight,
  evidence,
}: ModelToLoad & { readonly evidence?: unknown }): Promise<FurtherModel> {
  if (!existsSync(checkpoint)) {
    throw new InferenceError(
      "MODEL_NOT_FOUND",
      `${checkpoint} does not exist. Give the folder or file of a checkpoint.`,
    );
  }
  const blip = await openBlip(checkpoint);
  requireRole(blip, "retrieval", checkpoint);
  return {
    blip,
    name: name ?? blip.name,
    itcWeight: itcWeight ?? BLIP_ITC_WEIGHT,
    evidence: evidenceOf(blip, evidence, checkpoint) as EvidenceSettings, // a retrieval model has a text encoder
  };
}

/** The setting as far as it fits the model, or the default for its size. */
function evidenceOf(blip: Blip | undefined, setting: unknown, where: string): EvidenceSettings | undefined {
  if (!blip?.textEncoder) return undefined;
  return setting === undefined ? defaultEvidence(blip.textEncoder) : parseEvidence(setting, blip.textEncoder, where);
}

async function readModelSet(file: string, itmToken: ItmToken): Promise<ModelSet> {
  const json = parseModelSet(file, await readFile(file, "utf8"));
  const opened = new Map<string, Blip>();
  const roles = new Map<Role, Blip>();
  for (const role of ROLES) {
    const entry = json.roles[role];
    if (!entry) continue;
    const path = existingPath(file, `roles.${role}`, entry.checkpoint);
    const blip = opened.get(path) ?? (await openBlip(path));
    opened.set(path, blip);
    requireRole(blip, role, `${file}: ${path}`);
    roles.set(role, blip);
  }
  const further: FurtherModel[] = [];
  for (const [index, model] of json.further.entries()) {
    const checkpoint = existingPath(file, `further[${index}]`, model.checkpoint);
    further.push(await openFurtherModel({ ...model, checkpoint }));
  }
  const evidence = evidenceOf(roles.get("retrieval"), json.evidence, file);
  return {
    name: json.name,
    roles,
    further,
    itmToken,
    itcWeight: json.itcWeight,
    captionPrompt: json.captionPrompt,
    evidence,
  };
}

function existingPath(file: string, where: string, checkpoint: string): string {
  const path = resolve(dirname(file), checkpoint);
  if (existsSync(path)) return path;
  const message = `${file}: ${where}.checkpoint is "${checkpoint}", but ${path} does not exist.`;
  throw new InferenceError("MODEL_NOT_FOUND", message);
}

function requireRole(blip: Blip, role: Role, what: string): void {
  if (canServe(blip, role)) return;
  const can = [...blip.abilities].join(", ");
  throw new InferenceError("UNSUPPORTED", `${what} cannot serve as ${role}; it can only: ${can}.`);
}

interface ModelSetFile {
  readonly name: string;
  readonly roles: Readonly<Partial<Record<Role, { readonly checkpoint: string }>>>;
  readonly further: readonly (ModelToLoad & { readonly evidence?: unknown })[];
  readonly itcWeight: number;
  readonly captionPrompt: string;
  /** Checked against the model once that is open. */
  readonly evidence: unknown;
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
  const {
    name,
    roles,
    further = [],
    itcWeight = BLIP_ITC_WEIGHT,
    captionPrompt = CAPTION_PROMPT,
    evidence,
  } = json as Record<string, unknown>;
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
  return {
    name,
    roles: roles as ModelSetFile["roles"],
    further: parseFurther(further, wrong),
    itcWeight,
    captionPrompt,
    evidence,
  };
}

function parseFurther(further: unknown, wrong: (what: string) => never): ModelSetFile["further"] {
  if (!Array.isArray(further)) return wrong(`"further" is ${JSON.stringify(further)}, expected a list`);
  return further.map((entry: unknown, index) => {
    const { checkpoint, name, itcWeight, evidence } = (entry ?? {}) as Record<string, unknown>;
    if (typeof checkpoint !== "string") {
      return wrong(`"further[${index}].checkpoint" is expected to be a path relative to the file`);
    }
    if (name !== undefined && typeof name !== "string") {
      return wrong(`"further[${index}].name" is ${JSON.stringify(name)}, expected a text`);
    }
    if (itcWeight !== undefined && !(typeof itcWeight === "number" && Number.isFinite(itcWeight))) {
      return wrong(`"further[${index}].itcWeight" is ${JSON.stringify(itcWeight)}, expected a number`);
    }
    return {
      checkpoint,
      ...(name !== undefined && { name }),
      ...(itcWeight !== undefined && { itcWeight }),
      ...(evidence !== undefined && { evidence }),
    };
  });
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
