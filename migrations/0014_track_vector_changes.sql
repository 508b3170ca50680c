-- What a copy of a corpus's vectors in memory must learn before it may answer: which vectors were written, which went away, and whether
-- the pictures changed in anything that a filter reads. All of it is appended; no writer waits for another.

-- The transaction that wrote the vector. Who knows the snapshot that his copy was taken in finds what that snapshot did not see
-- (pg_visible_in_snapshot), whatever the order in which transactions ended. Rows from before carry the number of this migration.
alter table embeddings add column written_in xid8 not null default pg_current_xact_id();
create index embeddings_written on embeddings (space_id, written_in);

create table search_changes (
  -- No foreign keys: it tells of what is gone.
  corpus_id uuid not null,
  -- A vector that went away; both null when pictures changed.
  space_id uuid,
  image_id uuid,
  changed_in xid8 not null default pg_current_xact_id(),
  -- For clearing away what no copy can be older than.
  changed_at timestamptz not null default clock_timestamp(),
  check ((space_id is null) = (image_id is null))
);
create index search_changes_recent on search_changes (corpus_id, changed_in);
-- One transaction that changes many pictures says so once.
create unique index search_changes_pictures on search_changes (corpus_id, changed_in) where image_id is null;

create function note_removed_embedding() returns trigger language plpgsql as $$
begin
  insert into search_changes (corpus_id, space_id, image_id) values (old.corpus_id, old.space_id, old.image_id);
  return null;
end $$;
create trigger embeddings_removed after delete on embeddings for each row execute function note_removed_embedding();

create function note_changed_images() returns trigger language plpgsql as $$
begin
  insert into search_changes (corpus_id) select distinct corpus_id from changed on conflict do nothing;
  return null;
end $$;
create trigger images_inserted after insert on images referencing new table as changed
  for each statement execute function note_changed_images();
create trigger images_updated after update on images referencing new table as changed
  for each statement execute function note_changed_images();
create trigger images_deleted after delete on images referencing old table as changed
  for each statement execute function note_changed_images();

create function note_changed_origins() returns trigger language plpgsql as $$
begin
  insert into search_changes (corpus_id)
  select distinct i.corpus_id from changed join images i on i.id = changed.image_id on conflict do nothing;
  return null;
end $$;
create trigger image_origins_inserted after insert on image_origins referencing new table as changed
  for each statement execute function note_changed_origins();
create trigger image_origins_updated after update on image_origins referencing new table as changed
  for each statement execute function note_changed_origins();
create trigger image_origins_deleted after delete on image_origins referencing old table as changed
  for each statement execute function note_changed_origins();

-- What the snapshot `seen` did not see of one corpus's vectors in one space, at one moment: the caller's. In a function, because planning the same as a
-- statement took four times as long as running it (0.9 against 0.2 ms), and searches wait for it. `most` bounds the vectors.
-- Numbers from the future are those of a server that this database was restored from: none of its own rows has one.
create function vector_changes_since(space uuid, corpus uuid, seen pg_snapshot, most integer)
returns table (kind text, image_id uuid, fact text, vector bytea) language plpgsql stable as $$
declare
  oldest xid8 := pg_snapshot_xmin(seen);
  newest xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
  kind := 'NOW';
  fact := pg_current_snapshot()::text;
  return next;
  return query
    select 'WRITTEN'::text, e.image_id, (select i.sha256 from images i where i.id = e.image_id),
      -- The first four bytes say the dimensions.
      substring(vector_send(e.embedding) from 5)
    from embeddings e
    where e.space_id = space and e.corpus_id = corpus
      and e.written_in >= oldest and e.written_in < newest and not pg_visible_in_snapshot(e.written_in, seen)
    limit most;
  return query
    select case when c.image_id is null then 'PICTURES' else 'REMOVED' end, c.image_id, null::text, null::bytea
    from search_changes c
    where c.corpus_id = corpus and (c.space_id is null or c.space_id = space)
      and c.changed_in >= oldest and c.changed_in < newest and not pg_visible_in_snapshot(c.changed_in, seen);
end $$;
