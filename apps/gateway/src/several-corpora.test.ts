import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedGateway, serveGateway } from "./testing/serve.ts";
import { openTwoCorpora, type TwoCorpora } from "./testing/two-corpora.ts";

let library: TwoCorpora;
let gateway: ServedGateway;
beforeAll(async () => {
  library = await openTwoCorpora();
  gateway = await serveGateway(library.library);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await library?.[Symbol.asyncDispose]();
});

const SEARCH = `query($corpora: [String!]) {
  search(input: { corpora: $corpora, all: [{ text: "a picture" }] }) {
    edges { node { id corpus { name } } } total { value relation } report { degraded { code } }
  }
}`;

test("searches several corpora as one, and says of each hit which it is of", async () => {
  const { mine, foreign, bearer } = library;
  const key = await bearer("VIEWER", [mine.corpus, foreign.corpus]);
  const { data, errors } = await gateway.graphql(SEARCH, { corpora: [mine.corpus.name, foreign.corpus.name] }, key);
  expect(errors).toBeUndefined();
  expect(data.search.total).toEqual({ value: 4, relation: "EXACT" });
  const names = data.search.edges.map(({ node }: { node: { corpus: { name: string } } }) => node.corpus.name);
  expect(names.toSorted()).toEqual([...Array<string>(3).fill(mine.corpus.name), foreign.corpus.name].toSorted());
  expect(data.search.report.degraded).toEqual([]);
});

test("tells nobody of a corpus that he may not see, by whatever place it has in the list", async () => {
  const { mine, foreign, bearer } = library;
  const key = await bearer("VIEWER", [mine.corpus]);
  for (const place of [(name: string) => [mine.corpus.name, name], (name: string) => [name, mine.corpus.name]]) {
    const hidden = await gateway.graphql(SEARCH, { corpora: place(foreign.corpus.name) }, key);
    const unknown = await gateway.graphql(SEARCH, { corpora: place("nowhere") }, key);
    expect(hidden.data ?? null).toBeNull();
    const shown = JSON.stringify(hidden.errors).replaceAll(foreign.corpus.name, "nowhere");
    expect(JSON.parse(shown)).toEqual(unknown.errors);
  }
  expect((await gateway.graphql(SEARCH, { corpora: [mine.corpus.name] }, key)).data.search.edges).toHaveLength(3);
});

test("wants one corpus or several", async () => {
  const { mine, bearer } = library;
  const key = await bearer("VIEWER");
  const { errors } = await gateway.graphql(
    `query($c: String!) { search(input: { corpus: $c, corpora: [$c], all: [{ text: "a" }] }) { edges { rank } } }`,
    { c: mine.corpus.name },
    key,
  );
  expect(errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  expect((await gateway.graphql(SEARCH, { corpora: null }, key)).errors?.[0]?.message).toContain("Neither corpus nor");
});

test("reads what is asked of a corpus once for all hits, and looks up few of the names that it is given", async () => {
  const { library: shared, mine, foreign, bearer } = library;
  const statements: string[] = [];
  const query: typeof shared.db.query = (sql, parameters) => {
    statements.push(sql);
    return shared.db.query(sql, parameters);
  };
  await using counting = await serveGateway({ ...shared, db: { ...shared.db, query } });
  const deep = `query($corpora: [String!]) { search(input: { corpora: $corpora, all: [{ text: "a picture" }] }) {
    edges { node { corpus { imageCount activeSpace { id } attributes { name } spaces { state } } } } } }`;
  const key = await bearer("VIEWER", [mine.corpus, foreign.corpus]);
  const names = [mine.corpus.name, foreign.corpus.name];
  const { data, errors } = await counting.graphql(deep, { corpora: names }, key);
  expect(errors).toBeUndefined();
  expect(data.search.edges).toHaveLength(4);
  expect(
    statements.filter((sql) => sql.includes("count(*)::integer as count from images where corpus_id")),
  ).toHaveLength(2);
  const many = Array.from({ length: 5_000 }, (_, index) => `corpus ${index}`);
  statements.length = 0;
  const { errors: refused } = await counting.graphql(deep, { corpora: many }, key);
  expect(refused).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  expect(statements.length).toBeLessThan(10);
});
