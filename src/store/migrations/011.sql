-- An offer's id is given to a campaign once, though that campaign may move to another offer or be deleted. Comments are in
-- schema.sql.

alter table offers add column id_given integer not null default 0 check (id_given in (0, 1));

update offers set id_given = 1 where exists (select 1 from campaigns where campaigns.id = offers.id);
