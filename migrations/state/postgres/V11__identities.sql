-- Who links a remote account now, or did last, over all providers that stand for one server. The identity is a keyed
-- digest. While a link is on its way nobody else begins one; afterwards the log says whose the account is.
CREATE TABLE identities (
    identity TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    held_until TEXT NOT NULL
);
