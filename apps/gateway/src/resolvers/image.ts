import type { AnswerMode, Decoding } from "@medley/inference-api";
import { ANSWER_DECODING, askImage, captionOf, requireText } from "@medley/search";
import { badUserInput } from "../errors.ts";
import type {
  AnswerModeInput,
  AnswerResolvers,
  DecodingInput,
  GeneratedCaptionResolvers,
  ImageResolvers,
  NearDuplicateResolvers,
  QueryResolvers,
} from "../generated/schema-types.ts";

const MOST_DUPLICATES = 100;

export const image: NonNullable<QueryResolvers["image"]> = (_root, { id }, context) => context.imageById.load(id);

export const caption: NonNullable<QueryResolvers["caption"]> = (_root, { imageId, decoding, alternatives }, context) =>
  captionOf(context, {
    imageId,
    alternatives,
    deadlineMs: context.inferenceDeadlineMs,
    ...(decoding && { decoding: decodingOf(decoding) }),
  });

export const ask: NonNullable<QueryResolvers["ask"]> = (_root, { imageId, question, mode }, context) =>
  askImage(context, {
    imageId,
    question,
    deadlineMs: context.inferenceDeadlineMs,
    mode: mode ? answerModeOf(mode) : { mode: "generate", decoding: ANSWER_DECODING },
  });

export const GeneratedCaption: GeneratedCaptionResolvers = {
  alternatives: ({ alternatives }) => [...alternatives],
};

export const Image: ImageResolvers = {
  async corpus({ corpusId }, _query, { corpusById }) {
    const corpus = await corpusById.load(corpusId);
    if (corpus === null) throw badUserInput("The picture was removed with its corpus meanwhile. Ask again.");
    return corpus;
  },
  origins: ({ origins }) => [...origins],
  url: ({ id }, _query, { pictureLink }) => pictureLink("images", id),
  thumbnailUrl: ({ id }, _query, { pictureLink }) => pictureLink("thumbnails", id),
  nearDuplicates: async ({ id }, { first }, context) => {
    if (first < 1 || first > MOST_DUPLICATES) {
      throw badUserInput(`first of nearDuplicates is ${first}, expected 1 to ${MOST_DUPLICATES}.`);
    }
    return (await context.nearDuplicatesByImage.load(id)).slice(0, first);
  },
  evidence: (image, { word, text }, context) =>
    context.evidence.load({
      image,
      word,
      ...(text !== null && text !== undefined && { texts: [requireText("text", text)] }),
    }),
  answers: async ({ id }, _query, context) => [...(await context.answersByImage.load(id))],
  captions: async ({ id }, _query, context) => [...(await context.captionsByImage.load(id))],
};

export const NearDuplicate: NearDuplicateResolvers = {
  async image({ imageId }, _query, context) {
    const image = await context.imageById.load(imageId);
    if (image === null) throw badUserInput(`Image "${imageId}" was removed meanwhile. Ask again.`);
    return image;
  },
};

export const Answer: AnswerResolvers = {
  mode: (answer) => (answer.mode === "rank" ? "RANK" : "GENERATE"),
};

function decodingOf(input: DecodingInput): Decoding {
  if (input.greedy) return { method: "greedy", ...present(input.greedy) };
  if (input.beam) return { method: "beam", ...present({ ...input.beam, beams: input.beam.beams ?? 3 }) };
  return { method: "nucleus", ...present({ ...input.nucleus, topP: input.nucleus.topP ?? 0.9 }) };
}

function answerModeOf(input: AnswerModeInput): AnswerMode {
  if (input.generate) return { mode: "generate", decoding: decodingOf(input.generate) };
  return { mode: "rank", ...present(input.rank) };
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: NonNullable<T[K]> } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: NonNullable<T[K]>;
};

/** The members that have a value: GraphQL lets clients say null where the port knows only absence. */
function present<T extends object>(input: T): Present<T> {
  return Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== null && value !== undefined),
  ) as Present<T>;
}
