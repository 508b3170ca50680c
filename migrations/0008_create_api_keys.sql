-- Who may do what over the network. Only the digest of a key is kept: whoever reads this table, or a backup of it, can use none of them.

create table api_keys (
  id uuid primary key default gen_random_uuid(),
  -- For people; may be used again.
  name text not null check (name <> ''),
  -- SHA-256 of the whole key, lower-case hex.
  sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
  -- The first characters of the key, so that people recognise it.
  prefix text not null,
  role text not null check (role in ('VIEWER', 'CURATOR', 'INGESTOR', 'ADMIN')),
  -- Null: every corpus, also later ones. No foreign key: a corpus that goes away must leave a key with less, never with everything.
  corpus_ids uuid[],
  created_at timestamptz not null default now(),
  -- Null: until it is revoked.
  expires_at timestamptz,
  revoked_at timestamptz,
  -- To the minute.
  last_used_at timestamptz
);

create index api_keys_recent on api_keys (created_at desc);
