-- What attributes of a corpus's pictures are. Without a row an attribute may hold anything, as before.
create table corpus_attributes (
  corpus_id uuid not null references corpora (id) on delete cascade,
  name text not null check (length(name) between 1 and 200),
  type text not null check (type in ('text', 'number', 'boolean', 'date')),
  is_list boolean not null default false,
  is_required boolean not null default false,
  -- The values that it may have; null: any of its type.
  allowed_values jsonb check (jsonb_typeof(allowed_values) = 'array'),
  primary key (corpus_id, name)
);
