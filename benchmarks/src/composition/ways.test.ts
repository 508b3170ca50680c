import type { Match, Outcome } from "@medley/inference-api";
import { createFakeInference } from "@medley/inference-api/testing";
import { openSampleLibrary, type SampleLibrary } from "@medley/search/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CompositionQuery } from "./read-queries.ts";
import { rememberMatches } from "./remember-matches.ts";
import { type Corpus, WAYS } from "./ways.ts";

const PICTURES = 12;
let library: SampleLibrary;
let corpus: Corpus;

beforeAll(async () => {
  library = await openSampleLibrary({ pictures: PICTURES });
  const names = library.imageIds.map((id, index) => [id, `sample/${index}`] as const);
  corpus = {
    db: library.db,
    inference: library.inference,
    name: library.corpus.name,
    id: library.corpus.id,
    spaceId: library.space.id,
    itcWeight: 1,
    nameOf: new Map(names),
    idOf: new Map(names.map(([id, name]) => [name, id])),
  };
});
afterAll(() => library?.[Symbol.asyncDispose]());

const QUERY: CompositionQuery = {
  kind: "PICTURE_AND_TEXT",
  sentence: "a dog that is not on a beach",
  all: [{ picture: "sample/3" }, { text: "a dog" }],
  any: [],
  none: [{ text: "a beach" }],
  right: ["sample/1", "sample/2", "sample/4"],
};

test("answers in every way with each picture once, but never with the one that a clause names", async () => {
  const others = [...corpus.idOf.keys()].filter((name) => name !== "sample/3").toSorted();
  for (const { name, ask } of WAYS) {
    expect({ name, pictures: (await ask(corpus, QUERY)).toSorted() }).toEqual({ name, pictures: others });
  }
});

test("finds by arithmetic what lies towards the wanted and away from the unwanted", async () => {
  const way = WAYS.find(({ name }) => name === "arithmetic");
  const query = { ...QUERY, all: [{ picture: "sample/3" }], none: [{ picture: "sample/5" }] };
  const near = await way?.ask(corpus, query);
  const plain = await way?.ask(corpus, { ...query, none: [] });
  expect(near).not.toContain("sample/5");
  expect(near).toHaveLength(PICTURES - 2);
  expect(near).not.toEqual(plain?.filter((name) => name !== "sample/5"));
});

test("says which picture the corpus lacks", async () => {
  const query = { ...QUERY, all: [{ picture: "sample/99" }] };
  await expect(WAYS[0]?.ask(corpus, query)).rejects.toThrow('has no picture "sample/99"');
});

test("judges a text and a picture once, and gives each picture its own judgement", async () => {
  const readBlob = async (sha256: string) => Buffer.concat([Buffer.from("RIFF"), Buffer.from(sha256)]);
  await using engine = createFakeInference({ readBlob });
  const asked: number[] = [];
  const counting = {
    ...engine,
    matchImages: (...given: Parameters<typeof engine.matchImages>): Promise<Outcome<Match>[]> => {
      asked.push(given[1].length);
      return engine.matchImages(...given);
    },
  };
  const remembering = rememberMatches(counting);
  const images = ["a", "b", "c"].map((letter) => ({ sha256: letter.repeat(64) }));
  const first = await remembering.matchImages("a dog", images.slice(0, 2));
  const all = await remembering.matchImages("a dog", [...images].reverse());
  expect(asked).toEqual([2, 1]);
  expect(all.slice(1).reverse()).toEqual(first);
  expect(all).toEqual(await engine.matchImages("a dog", [...images].reverse()));
});
