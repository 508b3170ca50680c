export { type Answer, ask, describe, type ImageDescription } from "./ask-and-describe.ts";
export {
  type ClientSettings,
  createClient,
  type MedleyClient,
  type RequestOptions,
  type TypedDocument,
} from "./client.ts";
export {
  type ErrorOrigin,
  type GraphqlError,
  MedleyError,
  type MedleyErrorCode,
  requireNoUserErrors,
  type ServerErrorCode,
  type TransportErrorCode,
  type UploadErrorCode,
  type UserError,
} from "./errors.ts";
export { type Evidence, evidence } from "./evidence.ts";
export {
  type AnswerModeInput,
  AskDocument,
  CreateUploadDocument,
  type CreateUploadInput,
  type DecodingInput,
  DescribeDocument,
  EvidenceDocument,
  type ImageFilter,
  OperationsDocument,
  OperationUpdatedDocument,
  type SearchClause,
  SearchDocument,
  type SearchInput,
  SearchRefinedDocument,
  UploadDocument,
  type UploadState,
  UploadUpdatedDocument,
  type UserErrorCode,
} from "./generated/graphql.ts";
export {
  nextPage,
  search,
  type SearchHit,
  type SearchOptions,
  type SearchPage,
  type SearchRefinement,
  watchSearch,
} from "./search.ts";
export {
  type PictureBytes,
  type PictureToUpload,
  resumeUpload,
  type SentUpload,
  uploadImage,
} from "./upload-image.ts";
export { type Operation, type Upload, watchOperation, watchUpload } from "./watch.ts";
