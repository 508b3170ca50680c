import type { MedleyClient, RequestOptions } from "./client.ts";
import {
  AskDocument,
  type AskQuery,
  type AskQueryVariables,
  DescribeDocument,
  type DescribeQuery,
} from "./generated/graphql.ts";

export type Answer = AskQuery["ask"];
export type ImageDescription = DescribeQuery["describe"];

/** What the answerer says to a question about a picture; written with 3 beams unless `mode` says otherwise. */
export async function ask(
  client: MedleyClient,
  question: AskQueryVariables,
  { signal }: RequestOptions = {},
): Promise<Answer> {
  return (await client.request(AskDocument, question, { signal })).ask;
}

/** Which texts of its corpus fit a picture best: 5 unless `first` (1 to 64) says otherwise. */
export async function describe(
  client: MedleyClient,
  { imageId, first = 5 }: { readonly imageId: string; readonly first?: number },
  { signal }: RequestOptions = {},
): Promise<ImageDescription> {
  return (await client.request(DescribeDocument, { imageId, first }, { signal })).describe;
}
