-- Three foreign keys took 77 of the 141 microseconds that a vector cost to write, four indexes a good part of the rest. What the keys promised still holds,
-- checked once a statement instead of once a row and key.

-- Within a partition the space is the same for all rows: one index serves "this picture" and "this picture in this space".
alter table embeddings
  drop constraint embeddings_space_id_fkey,
  drop constraint embeddings_image_id_fkey,
  drop constraint embeddings_corpus_id_fkey,
  drop constraint embeddings_pkey,
  add primary key (image_id, space_id);
drop index embeddings_image;
-- The same for "this corpus" and "this corpus, written since".
drop index embeddings_corpus;
drop index embeddings_written;
create index embeddings_corpus on embeddings (corpus_id, written_in);

-- As a foreign key does, it keeps pictures and space from going away until the writer's transaction is over. Besides, the corpus is the picture's own.
create function require_embedded_images() returns trigger language plpgsql as $$
declare
  missing record;
  present bigint;
begin
  -- Row by row through the primary key: a plan that is kept while the pictures grow from ten to a million must not read them all.
  select count(*) into present from written w cross join lateral (
    select from images i where i.id = w.image_id and i.corpus_id = w.corpus_id for key share) as locked;
  perform from spaces s where s.id in (select w.space_id from written w) for key share;
  if present = (select count(*) from written)
    and present = (select count(*) from written w join spaces s on s.id = w.space_id) then
    return null;
  end if;
  select w.image_id, w.corpus_id, w.space_id into missing from written w
  where not exists (select from images i where i.id = w.image_id and i.corpus_id = w.corpus_id)
    or not exists (select from spaces s where s.id = w.space_id)
  limit 1;
  raise foreign_key_violation using
    message = format('There is no picture %s in corpus %s, or no space %s: its vector cannot be stored.',
      missing.image_id, missing.corpus_id, missing.space_id),
    table = 'embeddings';
end $$;
create trigger embeddings_inserted after insert on embeddings referencing new table as written
  for each statement execute function require_embedded_images();
create trigger embeddings_updated after update on embeddings referencing new table as written
  for each statement execute function require_embedded_images();

-- What "on delete cascade" did. A corpus takes its pictures away, and they their vectors.
create function remove_vectors_of_images() returns trigger language plpgsql as $$
begin
  delete from embeddings e using gone where e.image_id = gone.id;
  return null;
end $$;
create trigger images_lose_vectors after delete on images referencing old table as gone
  for each statement execute function remove_vectors_of_images();

create function remove_vectors_of_space() returns trigger language plpgsql as $$
begin
  delete from embeddings e where e.space_id = old.id;
  return null;
end $$;
create trigger spaces_lose_vectors after delete on spaces for each row execute function remove_vectors_of_space();
