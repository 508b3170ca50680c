-- Unit vectors of the texts that stand beside pictures (captions that no captioner wrote, names of files), in the same space as the
-- pictures' own. `text_key` names the text within the picture: the caption's id, or "name:" and the name.
create table text_embeddings (
  space_id uuid not null references spaces on delete cascade,
  image_id uuid not null references images on delete cascade,
  text_key text not null,
  corpus_id uuid not null references corpora on delete cascade,
  -- Null for names. A caption that is rejected later keeps its vector, and the search leaves it out.
  caption_id uuid references captions on delete cascade,
  embedding vector not null,
  created_at timestamptz not null default now(),
  primary key (space_id, image_id, text_key)
) partition by list (space_id);

create index text_embeddings_corpus on text_embeddings (space_id, corpus_id);
create index text_embeddings_image on text_embeddings (image_id);
create index text_embeddings_caption on text_embeddings (caption_id);

create or replace function create_embedding_partition(space_id uuid, dimensions integer) returns void language plpgsql as $$
declare
  suffix text := replace(space_id::text, '-', '');
  parent text;
begin
  foreach parent in array array['embeddings', 'text_embeddings'] loop
    execute format(
      'create table if not exists %I partition of %I (check (vector_dims(embedding) = %s)) for values in (%L)',
      parent || '_' || suffix, parent, dimensions, space_id);
  end loop;
end $$;

-- The cast gives the index its dimension; a query uses the index only when it orders by the same cast.
create or replace function create_embedding_index(space_id uuid, dimensions integer) returns void language plpgsql as $$
declare
  suffix text := replace(space_id::text, '-', '');
  parent text;
begin
  foreach parent in array array['embeddings', 'text_embeddings'] loop
    execute format(
      'create index if not exists %I on %I using hnsw ((embedding::vector(%s)) vector_ip_ops)',
      parent || '_' || suffix || '_hnsw', parent || '_' || suffix, dimensions);
  end loop;
end $$;

select create_embedding_partition(id, dimensions) from spaces;

alter table image_steps drop constraint image_steps_step_check;
alter table image_steps add constraint image_steps_step_check
  check (step in ('prepare', 'embed', 'caption-embed', 'caption'));
