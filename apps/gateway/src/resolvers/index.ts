import type { Resolvers } from "../generated/schema-types.ts";
import { addCaption, correctCaption, reviewCaption, revertCaptionRun } from "./caption-work.ts";
import {
  AttributeDeclaration,
  Corpus,
  corpora,
  corpus,
  createCorpus,
  deleteCorpus,
  pauseCorpus,
  resumeCorpus,
  Space,
} from "./corpus.ts";
import { Classification, classify, DescribingText, describe, ImageDescription } from "./describe.ts";
import { Evidence, EvidenceMap } from "./evidence.ts";
import { CaptionExplanation, explainCaption } from "./explain-caption.ts";
import { Answer, ask, caption, GeneratedCaption, Image, image, NearDuplicate } from "./image.ts";
import { cancelOperation, Operation, operation, operations, operationUpdated, retryFailed } from "./operations.ts";
import { declareQuestion, Question, renewAnswers, retireQuestion } from "./questions.ts";
import { BigInt, DateTime } from "./scalars.ts";
import { SearchConnection, SearchEdge, SearchReport, search } from "./search.ts";
import { searchRefined } from "./search-refined.ts";
import { models, registerModel, reindex, retireSpace, rollbackSpace } from "./spaces.ts";
import { completeUpload, createUpload, deleteImage, Upload, upload, uploadUpdated } from "./uploads.ts";

export const resolvers: Resolvers = {
  Query: {
    search,
    image,
    caption,
    ask,
    describe,
    classify,
    explainCaption,
    upload,
    operation,
    operations,
    models,
    corpora,
    corpus,
  },
  Mutation: {
    createCorpus,
    deleteCorpus,
    registerModel,
    reindex,
    rollbackSpace,
    retireSpace,
    createUpload,
    completeUpload,
    deleteImage,
    cancelOperation,
    pauseCorpus,
    resumeCorpus,
    retryFailed,
    declareQuestion,
    retireQuestion,
    renewAnswers,
    correctCaption,
    reviewCaption,
    addCaption,
    revertCaptionRun,
  },
  Subscription: { operationUpdated, uploadUpdated, searchRefined },
  Answer,
  AttributeDeclaration,
  BigInt,
  CaptionExplanation,
  Classification,
  Corpus,
  DateTime,
  DescribingText,
  Evidence,
  EvidenceMap,
  Image,
  ImageDescription,
  GeneratedCaption,
  NearDuplicate,
  Operation,
  Question,
  SearchConnection,
  SearchEdge,
  SearchReport,
  Space,
  Upload,
};
