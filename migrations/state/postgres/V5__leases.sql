-- What one instance does at a time, over all instances that share this database. A lease that was
-- not given back ends by itself.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until TEXT NOT NULL
);
