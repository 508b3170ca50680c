import { classifyImage, describeImage } from "@medley/search";
import { badUserInput } from "../errors.ts";
import type {
  ClassificationResolvers,
  DescribingTextResolvers,
  ImageDescriptionResolvers,
  QueryResolvers,
} from "../generated/schema-types.ts";

export const describe: NonNullable<QueryResolvers["describe"]> = (_root, { imageId, first }, context) =>
  describeImage(context, { imageId, first, deadlineMs: context.inferenceDeadlineMs });

export const classify: NonNullable<QueryResolvers["classify"]> = (_root, { imageId, labels, template }, context) =>
  classifyImage(context, { imageId, labels, template, deadlineMs: context.inferenceDeadlineMs });

export const ImageDescription: ImageDescriptionResolvers = {
  texts: ({ texts }) => [...texts],
};

export const DescribingText: DescribingTextResolvers = {
  async of({ imageId }, _query, context) {
    const image = await context.imageById.load(imageId);
    if (image === null) throw badUserInput(`Image "${imageId}" was removed meanwhile. Ask again.`);
    return image;
  },
};

export const Classification: ClassificationResolvers = {
  labels: ({ labels }) => [...labels],
};
