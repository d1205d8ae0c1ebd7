-- Whether tokens that were exchanged are those that a link had until new ones took their place: no link
-- comes about with them any more.
ALTER TABLE exchanged_grants ADD COLUMN spent TEXT NOT NULL DEFAULT 'no';
