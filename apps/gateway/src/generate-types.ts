import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { generate } from "@graphql-codegen/cli";

const PROJECT = resolve(import.meta.dirname, "..");
const HEADER = "// Generated from apps/gateway/schema.graphql by `npm run generate -w @medley/gateway`. Do not edit.";
/** What the client preset writes for documents that stand within code; the client's stand in files. */
const UNUSED = /client\/src\/generated\/(gql|index)\.ts$/;

/** The files that the schema decides: the gateway's resolver types, the types of the web page's documents, and the client's typed documents. */
export async function generateTypes(): Promise<{ path: string; text: string }[]> {
  const shared = { useTypeImports: true, enumsAsTypes: true, enumType: "string-literal", strictScalars: true } as const;
  const scalars = { JSON: { input: "unknown", output: "unknown" }, BigInt: "number", DateTime: "Date" };
  const files: { filename: string; content: string }[] = await generate(
    {
      cwd: PROJECT,
      schema: join(PROJECT, "schema.graphql"),
      silent: true,
      errorsOnly: true,
      generates: {
        [join(PROJECT, "src/generated/schema-types.ts")]: {
          plugins: [{ add: { content: HEADER } }, "typescript", "typescript-resolvers"],
          config: {
            ...shared,
            scalars,
            importExtension: ".ts",
            emitLegacyCommonJSImports: false,
            contextType: "../context.ts#GatewayContext",
            mappers: {
              Answer: "@medley/search#AskResult",
              AttributeDeclaration: "@medley/storage#AttributeDeclaration as AttributeRow",
              Caption: "@medley/storage#Caption as CaptionRow",
              CaptionExplanation: "@medley/storage#CaptionExplanation as ExplanationRow",
              Classification: "@medley/search#Classification as ClassificationResult",
              DescribingText: "@medley/search#Description",
              ImageDescription: "@medley/search#DescribeResult",
              Corpus: "@medley/storage#Corpus as CorpusRow",
              Evidence: "@medley/search#Evidence as EvidenceResult",
              EvidenceMap: "../evidence-overlay.ts#DrawnMap",
              GeneratedCaption: "@medley/search#CaptionResult",
              Image: "@medley/storage#Image as ImageRow",
              ImageAnswer: "@medley/storage#StoredAnswer",
              ClauseScores: "@medley/search#ClauseScores as ClauseRow",
              NearDuplicate: "@medley/storage#NearDuplicate as NearDuplicateRow",
              Operation: "@medley/storage#Operation as OperationRow",
              Question: "@medley/storage#Question as QuestionRow",
              SearchConnection: "@medley/search#SearchPage",
              SearchEdge: "@medley/search#PageHit",
              SearchRefinement: "../resolvers/search-refined.ts#RefinementEvent",
              SearchReport: "@medley/search#SearchReport as ReportRow",
              Space: "@medley/storage#Space as SpaceRow",
              Upload: "@medley/storage#Upload as UploadRow",
            },
          },
        },
        [join(PROJECT, "../web/src/generated/documents.ts")]: {
          documents: join(PROJECT, "../web/src/documents/*.graphql"),
          plugins: [{ add: { content: HEADER } }, "typescript-operations"],
          config: { ...shared, scalars },
        },
        [join(PROJECT, "../../libs/client/src/generated/")]: {
          documents: join(PROJECT, "../../libs/client/src/documents/*.graphql"),
          preset: "client",
          presetConfig: { fragmentMasking: false },
          plugins: [{ add: { content: HEADER } }],
          config: {
            ...shared,
            // JSON over HTTP: what the server writes for a DateTime arrives as text.
            scalars: { ...scalars, DateTime: "string" },
            documentMode: "string",
            importExtension: ".ts",
            emitLegacyCommonJSImports: false,
          },
        },
      },
    },
    false,
  );
  return files
    .filter(({ filename }) => !UNUSED.test(filename))
    .map(({ filename, content }) => ({ path: filename, text: content }));
}

if (import.meta.main) {
  for (const { path, text } of await generateTypes()) await writeFile(path, text);
}
