export {
  defaultPreprocessor,
  normalisePixels,
  type Preprocessor,
  preprocessorFromConfig,
} from "./preprocess.ts";
export {
  cleanCaption,
  cleanQuestion,
  MAX_CAPTION_WORDS,
  MAX_LONG_CAPTION_WORDS,
  MAX_QUESTION_WORDS,
} from "./text.ts";
export { createTokenizer, type EncodeOptions, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";
export { readTokenizerOptions } from "./tokenizer-files.ts";
export { bundledVocabulary, readVocabulary } from "./vocabulary.ts";
export { BlipError, type BlipErrorCode } from "./blip-error.ts";
export { type Ability, type Blip, openBlip, type OpenBlipOptions } from "./checkpoint/open-blip.ts";
export {
  contrastAttention,
  defaultEvidence,
  type EvidenceContrast,
  evidenceMeans,
  type EvidenceSettings,
  scaleToUnit,
  textAround,
} from "./evidence.ts";
export { gridSide, imageTokenCount, type TextGeometry, type VisionGeometry } from "./geometry.ts";
export { decoderGraph, scorerGraph } from "./graphs/decoder.ts";
export { imageEncoderGraph } from "./graphs/image-encoder.ts";
export { evidenceGraph, groundedEncoderGraph, keysValuesGraph, rerankerGraph } from "./graphs/matcher.ts";
export { textEncoderGraph } from "./graphs/text-encoder.ts";
export { tokenEmbeddingGraph } from "./graphs/token-embedding.ts";
export { type LocatedWord, locateWord } from "./locate-word.ts";
export { loadWeights, type Weights } from "./weights.ts";
