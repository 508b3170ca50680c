-- The words of a text as the English stemmer writes them ("windmills" and "windmill" are one). What lies beyond 100,000 characters is
-- stored and not indexed: a tsvector has an upper size, and an insert must not fail for it.
create function words_of_text(written text) returns tsvector language sql immutable parallel safe
  return to_tsvector('english'::regconfig, left(written, 100000));

-- The words of a path or address: of the file's name and of the folder it lies in, without the ending, digits and signs.
-- "photos/Crete 2019/oldLighthouse_02.jpg" has the words of "Crete old Lighthouse".
create function words_of_origin(origin text) returns tsvector language sql immutable parallel safe
  return to_tsvector('english'::regconfig,
    regexp_replace(
      regexp_replace(
        regexp_replace(substring('/' || left(origin, 4000) from '[^/\\]*[/\\][^/\\]*$'), '\.[A-Za-z0-9]{1,5}$', ''),
        '([a-z])([A-Z])', '\1 \2', 'g'),
      '[\x21-\x40\x5b-\x60\x7b-\x7e]+', ' ', 'g'));

alter table captions add column words tsvector generated always as (words_of_text(text)) stored;
alter table image_origins add column words tsvector generated always as (words_of_origin(origin)) stored;

-- Captions of machines are left out: what a captioner saw has been judged by the picture's own vectors already.
create index captions_words on captions using gin (words) where source <> 'SYNTHETIC';
create index image_origins_words on image_origins using gin (words);
