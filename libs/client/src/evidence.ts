import type { MedleyClient, RequestOptions } from "./client.ts";
import { EvidenceDocument, type EvidenceQuery, type EvidenceQueryVariables } from "./generated/graphql.ts";

export type Evidence = NonNullable<NonNullable<EvidenceQuery["image"]>["evidence"]>;

/**
 * Where a picture shows a word, as far as the model can tell. `map.overlayUrl` is a transparent PNG that an `<img>` lays over the picture; `map` is null where
 * there is none, and `failure` then says why. Null where there is no such picture.
 */
export async function evidence(
  client: MedleyClient,
  question: EvidenceQueryVariables,
  { signal }: RequestOptions = {},
): Promise<Evidence | null> {
  return (await client.request(EvidenceDocument, question, { signal })).image?.evidence ?? null;
}
