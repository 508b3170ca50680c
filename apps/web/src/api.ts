import askDocument from "./documents/ask.graphql?raw";
import captionDocument from "./documents/caption.graphql?raw";
import corporaDocument from "./documents/corpora.graphql?raw";
import evidenceDocument from "./documents/evidence.graphql?raw";
import fillingDocument from "./documents/filling.graphql?raw";
import imageDocument from "./documents/image.graphql?raw";
import searchDocument from "./documents/search.graphql?raw";
import searchPageFragment from "./documents/search-page.graphql?raw";
import searchRefinedDocument from "./documents/search-refined.graphql?raw";
import type {
  AskQuery,
  AskQueryVariables,
  CaptionQuery,
  CaptionQueryVariables,
  CorporaQuery,
  EvidenceQuery,
  EvidenceQueryVariables,
  FillingQuery,
  FillingQueryVariables,
  ImageQuery,
  ImageQueryVariables,
  SearchPageFragment,
  SearchQuery,
  SearchQueryVariables,
  SearchRefinedSubscription,
} from "./generated/documents.ts";
import { requestGraphql } from "./graphql-client.ts";
import { canSubscribe, ConnectionLost, subscribeGraphql } from "./graphql-subscriptions.ts";

export type Corpus = CorporaQuery["corpora"][number];
/** An answer as far as it is judged. */
export type FoundPictures = SearchRefinedSubscription["searchRefined"];
export type Hit = SearchPageFragment["edges"][number];
export type Report = SearchPageFragment["report"];
export type Picture = NonNullable<ImageQuery["image"]>;
export type GeneratedCaption = CaptionQuery["caption"];
export type Answer = AskQuery["ask"];
export type Evidence = NonNullable<NonNullable<EvidenceQuery["image"]>["evidence"]>;

export async function fetchCorpora(signal: AbortSignal): Promise<Corpus[]> {
  return (await requestGraphql<CorporaQuery>(corporaDocument, {}, signal)).corpora;
}

/** Whether the model has seen every picture of a collection, so that searches find them all. */
export async function isSeen(variables: FillingQueryVariables, signal: AbortSignal): Promise<boolean> {
  const { corpus } = await requestGraphql<FillingQuery>(fillingDocument, variables, signal);
  const embed = corpus?.coverage.find(({ step }) => step === "embed");
  return embed !== undefined && embed.done > 0 && embed.waiting + embed.unplanned === 0;
}

/**
 * Searches, and shows what is found before and while it is judged; resolves to the final answer. Where no WebSocket comes through, the answer comes at
 * once and at the end.
 */
export async function searchPictures(
  variables: SearchQueryVariables,
  signal: AbortSignal,
  show: (found: FoundPictures) => void,
): Promise<FoundPictures> {
  if (canSubscribe()) {
    try {
      let last: FoundPictures | null = null;
      const document = searchRefinedDocument + searchPageFragment;
      for await (const event of subscribeGraphql<SearchRefinedSubscription>(document, variables, signal)) {
        last = event.searchRefined;
        if (!last.isFinal) show(last);
      }
      if (last?.isFinal) return last;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
    signal.throwIfAborted();
  }
  const page = (await requestGraphql<SearchQuery>(searchDocument + searchPageFragment, variables, signal)).search;
  const { reranked } = page.report.candidates;
  return { page, judged: reranked, candidates: reranked, isFinal: true };
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
