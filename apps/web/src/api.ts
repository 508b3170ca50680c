import askDocument from "./documents/ask.graphql?raw";
import captionDocument from "./documents/caption.graphql?raw";
import corporaDocument from "./documents/corpora.graphql?raw";
import evidenceDocument from "./documents/evidence.graphql?raw";
import imageDocument from "./documents/image.graphql?raw";
import searchDocument from "./documents/search.graphql?raw";
import type {
  AskQuery,
  AskQueryVariables,
  CaptionQuery,
  CaptionQueryVariables,
  CorporaQuery,
  EvidenceQuery,
  EvidenceQueryVariables,
  ImageQuery,
  ImageQueryVariables,
  SearchQuery,
  SearchQueryVariables,
} from "./generated/documents.ts";
import { requestGraphql } from "./graphql-client.ts";

export type Corpus = CorporaQuery["corpora"][number];
export type SearchAnswer = SearchQuery["search"];
export type Hit = SearchAnswer["edges"][number];
export type Report = SearchAnswer["report"];
export type Picture = NonNullable<ImageQuery["image"]>;
export type GeneratedCaption = CaptionQuery["caption"];
export type Answer = AskQuery["ask"];
export type Evidence = NonNullable<NonNullable<EvidenceQuery["image"]>["evidence"]>;

export async function fetchCorpora(signal: AbortSignal): Promise<Corpus[]> {
  return (await requestGraphql<CorporaQuery>(corporaDocument, {}, signal)).corpora;
}

export async function fetchSearch(variables: SearchQueryVariables, signal: AbortSignal): Promise<SearchAnswer> {
  return (await requestGraphql<SearchQuery>(searchDocument, variables, signal)).search;
}

export async function fetchPicture(variables: ImageQueryVariables, signal: AbortSignal): Promise<Picture | null> {
  return (await requestGraphql<ImageQuery>(imageDocument, variables, signal)).image;
}

export async function fetchCaption(variables: CaptionQueryVariables, signal: AbortSignal): Promise<GeneratedCaption> {
  return (await requestGraphql<CaptionQuery>(captionDocument, variables, signal)).caption;
}

export async function fetchAnswer(variables: AskQueryVariables, signal: AbortSignal): Promise<Answer> {
  return (await requestGraphql<AskQuery>(askDocument, variables, signal)).ask;
}

/** Null where the picture was removed meanwhile. */
export async function fetchEvidence(variables: EvidenceQueryVariables, signal: AbortSignal): Promise<Evidence | null> {
  return (await requestGraphql<EvidenceQuery>(evidenceDocument, variables, signal)).image?.evidence ?? null;
}
