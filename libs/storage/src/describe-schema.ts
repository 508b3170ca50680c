import type { Queryable } from "./database.ts";

const HEADER = "-- The schema after all migrations. Written by `npm run dump-schema` in libs/storage; do not edit.\n";

/** The schema as SQL, the same text for the same schema on every engine. Tables that ensureSpace made are left out. */
export async function describeSchema(db: Queryable): Promise<string> {
  const sections = [await extensions(db), await tables(db), await indexes(db), await functions(db)];
  return `${[HEADER, ...sections.flat()].join("\n")}`;
}

async function extensions(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select extname as name from pg_extension where extname <> 'plpgsql' order by extname::text collate "C"`,
    [],
  );
  return rows.map(({ name }) => `create extension ${name};\n`);
}

async function tables(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ name: string; parts: string[]; partitioning: string | null }>(
    `select c.relname as name, pg_get_partkeydef(c.oid) as partitioning, array(
       select format('%s %s%s%s%s', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
         case when a.attnotnull then ' not null' end,
         case when a.attidentity = 'a' then ' generated always as identity' end,
         case when a.attgenerated = 's' then ' generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ') stored'
           else ' default ' || pg_get_expr(d.adbin, d.adrelid) end)
       from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
     ) || array(
       select format('constraint %s %s', quote_ident(k.conname), pg_get_constraintdef(k.oid))
       from pg_constraint k
       -- PostgreSQL 18 keeps "not null" as a constraint as well (n); the column already says so.
       where k.conrelid = c.oid and k.contype <> 'n'
       order by position(k.contype in 'puxfc'), k.conname::text collate "C"
     ) as parts
     from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     order by c.relname::text collate "C"`,
    [],
  );
  return rows.map(
    ({ name, parts, partitioning }) =>
      `create table ${name} (\n  ${parts.join(",\n  ")}\n)${partitioning ? ` partition by ${partitioning}` : ""};\n`,
  );
}

async function indexes(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ definition: string }>(
    `select pg_get_indexdef(i.indexrelid) as definition
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
     where c.relnamespace = 'public'::regnamespace and not c.relispartition and not t.relispartition
       and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
     order by c.relname::text collate "C"`,
    [],
  );
  return rows.map(({ definition }) => `${definition};\n`);
}

async function functions(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ definition: string }>(
    `select pg_get_functiondef(p.oid) as definition from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
     order by p.proname::text collate "C"`,
    [],
  );
  return rows.map(({ definition }) => `${definition.trim()};\n`);
}
