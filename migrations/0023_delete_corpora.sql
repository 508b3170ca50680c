-- A corpus is hidden at once when it is deleted, and its rows go in batches afterwards: a million pictures in one transaction would hold everybody up.
alter table corpora add column deleted_at timestamptz;
-- Says how far that is. It names no corpus, because it outlives this one.
alter table corpora add column deletion_id uuid references operations on delete set null;
-- The name is free again as soon as the corpus is hidden.
alter table corpora drop constraint corpora_name_key;
create unique index corpora_live_name on corpora (name) where deleted_at is null;
