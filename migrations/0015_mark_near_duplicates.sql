-- Pictures that look the same: found by a perceptual hash, confirmed by the cosine of their embeddings, and marked. None is left out.

-- 64 bits of libs/media/src/perceptual-hash.ts; null until a picture was read for it, and for one of a single colour.
alter table images add column perceptual_hash bigint;

-- The hash in five parts of 13 bits (the last has 12). Two hashes with few different bits are nearly equal in one of them, so candidates are looked
-- up and never scanned for.
create index images_hash_part_0 on images (corpus_id, (perceptual_hash & 8191)) where perceptual_hash is not null;
create index images_hash_part_1 on images (corpus_id, ((perceptual_hash >> 13) & 8191)) where perceptual_hash is not null;
create index images_hash_part_2 on images (corpus_id, ((perceptual_hash >> 26) & 8191)) where perceptual_hash is not null;
create index images_hash_part_3 on images (corpus_id, ((perceptual_hash >> 39) & 8191)) where perceptual_hash is not null;
create index images_hash_part_4 on images (corpus_id, ((perceptual_hash >> 52) & 4095)) where perceptual_hash is not null;

-- One row for each pair, in a space, because the cosine is that of a model.
create table near_duplicates (
  space_id uuid not null references spaces (id) on delete cascade,
  image_id uuid not null references images (id) on delete cascade,
  other_id uuid not null references images (id) on delete cascade,
  hash_distance smallint not null check (hash_distance between 0 and 64),
  itc_cosine double precision not null,
  primary key (space_id, image_id, other_id),
  check (image_id < other_id)
);
create index near_duplicates_image on near_duplicates (image_id);
create index near_duplicates_other on near_duplicates (other_id, space_id);
