-- A step that was open before an upkeep took it is somebody else's work: cancelling the upkeep leaves it open.
alter table upkeep_steps add column was_open boolean not null default false;
