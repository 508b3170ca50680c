import { expect, test } from "vitest";
import { describeStatement } from "./trace-statement.ts";

test("names a statement by what it does and its table, and shows nothing of its text", () => {
  const named = (text: string) => describeStatement(text).name;
  expect(named("select * from embeddings e join images i on i.id = e.image_id where i.corpus_id = $1")).toBe(
    "SELECT embeddings images",
  );
  expect(
    named("with claimed as materialized (select 1 from image_steps for update skip locked) select 1 from claimed"),
  ).toBe("SELECT image_steps");
  expect(named("with a as (select 1), b (x, y) as (select * from a) select * from b join captions c on true")).toBe(
    "SELECT captions",
  );
  expect(named("select extract(epoch from created_at), a is distinct from b from corpora")).toBe("SELECT corpora");
  expect(
    named(
      "with gone as (select id from images) update image_steps s set state = 'done' from gone where s.image_id = gone.id",
    ),
  ).toBe("UPDATE image_steps");
  expect(
    named("insert into captions (text) select text from unnest($1::text[]) on conflict do update set text = ''"),
  ).toBe("INSERT captions");
  expect(named("select id, (select array_agg(path) from image_origins) from images where id = any($1)")).toBe(
    "SELECT image_origins images",
  );
  expect(named("delete from search_sessions where expires_at < now()")).toBe("DELETE search_sessions");
  expect(named("select pg_advisory_xact_lock($1)")).toBe("SELECT");
  expect(named("select x from unnest($1::int[]) with ordinality as given(x, n)")).toBe("SELECT");
  const secret = describeStatement("select 1 from captions where text = 'a secret'");
  expect(JSON.stringify(secret)).not.toContain("secret");
  expect(secret.attributes).toEqual({
    "db.system.name": "postgresql",
    "db.operation.name": "SELECT",
    "db.collection.name": "captions",
    "db.query.summary": "SELECT captions",
  });
});
