-- A kept answer lives for a quarter of an hour and is written once. Packing its 60 kB took nearly half of the time of writing it, and
-- every page that is read of it unpacked it again.
alter table search_sessions alter column answer set storage external;
