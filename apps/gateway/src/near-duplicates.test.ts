import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { declareAttributes, markNearDuplicates, savePerceptualHashes } from "@medley/storage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";

let library: SampleLibrary;
let gateway: ServedGateway;
beforeAll(async () => {
  library = await openSampleLibrary({ pictures: 3 });
  gateway = await serveGateway(library);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

test("names the pictures that look like a picture, and what was measured", async () => {
  const { db, space, imageIds } = library;
  const [one, other, third] = imageIds as [string, string, string];
  await savePerceptualHashes(
    db,
    [one, other].map((imageId) => ({ imageId, perceptualHash: "f0e1d2c3b4a59687" })),
  );
  // Their vectors are made equal: what a copy of a picture has.
  await db.query(
    `update embeddings set embedding = (select embedding from embeddings where image_id = $1::uuid and space_id = $3::uuid)
     where image_id = $2::uuid and space_id = $3::uuid`,
    [one, other, space.id],
  );
  await db.transaction((tx) => markNearDuplicates(tx, { spaceId: space.id, imageIds: [one, other, third] }));
  const document =
    "query ($id: ID!, $first: Int! = 10) { image(id: $id) { nearDuplicates(first: $first) { image { id } hashDistance itcCosine } } }";
  const found = await gateway.graphql(document, { id: one });
  expect(found.data).toEqual({
    image: { nearDuplicates: [{ image: { id: other }, hashDistance: 0, itcCosine: expect.closeTo(1, 5) as number }] },
  });
  expect((await gateway.graphql(document, { id: third })).data).toEqual({ image: { nearDuplicates: [] } });
  expect((await gateway.graphql(document, { id: one, first: 101 })).errors?.[0]?.message).toContain(
    "expected 1 to 100",
  );
});

test("bounds duplicates of duplicates by their price", async () => {
  const levels = (depth: number): string =>
    depth === 0 ? "id" : `nearDuplicates(first: 100) { image { ${levels(depth - 1)} } }`;
  const { errors } = await gateway.graphql(`{ image(id: "${library.imageIds[0]}") { ${levels(5)} } }`);
  expect(errors?.[0]?.message).toContain("expected at most");
});

test("names what a corpus declares about attributes", async () => {
  const declaration = { name: "size", type: "text", list: true, required: false, values: ["S", "M"] } as const;
  await library.db.transaction((tx) => declareAttributes(tx, library.corpus.id, [declaration]));
  const { data } = await gateway.graphql(
    "query ($name: String!) { corpus(name: $name) { attributes { name type list required values } } }",
    {
      name: library.corpus.name,
    },
  );
  expect(data).toEqual({ corpus: { attributes: [{ ...declaration, type: "TEXT" }] } });
});
