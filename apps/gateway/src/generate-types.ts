import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { generate } from "@graphql-codegen/cli";
import { type DefinitionNode, type FragmentDefinitionNode, Kind, parse, print, visit } from "graphql";
import { fingerprintOf } from "./protection/operation-fingerprint.ts";

const PROJECT = resolve(import.meta.dirname, "..");
const HEADER = "// Generated from apps/gateway/schema.graphql by `npm run generate -w @medley/gateway`. Do not edit.";
/** What the client preset writes for documents that stand within code; the client's stand in files. */
const UNUSED = /client\/src\/generated\/(gql|index)\.ts$/;

/** The files that the schema and documents decide: the gateway's resolver types, the types of the web page's documents, the client's typed documents, and the list of both's operations. */
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
  const typed = files
    .filter(({ filename }) => !UNUSED.test(filename))
    .map(({ filename, content }) => ({ path: filename, text: content }));
  return [...typed, await ownOperations()];
}

/** The operations that a gateway with a list of allowed ones runs besides it: those of the web page and of the client package. */
async function ownOperations(): Promise<{ path: string; text: string }> {
  const lines: string[] = [];
  for (const [owner, folder] of [
    ["web page", join(PROJECT, "../web/src/documents")],
    ["client", join(PROJECT, "../../libs/client/src/documents")],
  ] as const) {
    const names = (await readdir(folder)).filter((name) => name.endsWith(".graphql")).sort();
    const definitions = (
      await Promise.all(names.map(async (name) => parse(await readFile(join(folder, name), "utf8")).definitions))
    ).flat();
    for (const operation of definitions) {
      if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
      const document = {
        kind: Kind.DOCUMENT,
        definitions: [operation, ...fragmentsOf(operation, definitions)],
      } as const;
      lines.push(`  // ${operation.name?.value} of the ${owner}`, `  "${fingerprintOf(print(document))}",`);
    }
  }
  const text = `${HEADER}
/** Of the operations of the web page and of the client package (operation-fingerprint.ts). */
export const OWN_OPERATIONS: readonly string[] = [
${lines.join("\n")}
];
`;
  return { path: join(PROJECT, "src/generated/own-operations.ts"), text };
}

/** Every fragment that an operation spreads, and those that they spread. */
function fragmentsOf(operation: DefinitionNode, definitions: readonly DefinitionNode[]): FragmentDefinitionNode[] {
  const found = new Map<string, FragmentDefinitionNode>();
  const look = (node: DefinitionNode) =>
    visit(node, {
      FragmentSpread({ name }) {
        const fragment = definitions.find(
          (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name.value,
        );
        if (fragment?.kind !== Kind.FRAGMENT_DEFINITION || found.has(name.value)) return;
        found.set(name.value, fragment);
        look(fragment);
      },
    });
  look(operation);
  return [...found.values()];
}

if (import.meta.main) {
  for (const { path, text } of await generateTypes()) await writeFile(path, text);
}
