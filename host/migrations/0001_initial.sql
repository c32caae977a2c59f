-- Documents that operators signed: 'manifest', 'order', 'policy', 'closing', 'opening'. Number: 0, incarnation, policy version, time.
-- 'recovery', with its guardians' approvals, and 'cancellation', under the recovery's hash. Number: time.
CREATE TABLE documents (
    kind   TEXT    NOT NULL,
    hash   BLOB    NOT NULL,
    number INTEGER NOT NULL,
    body   BLOB    NOT NULL,
    PRIMARY KEY (kind, hash)
) WITHOUT ROWID;

-- Sealed blobs. Nothing is ever overwritten: the newest of a content is the one to present.
CREATE TABLE blobs (
    id      INTEGER PRIMARY KEY,
    content BLOB NOT NULL, -- empty for the signer key, else the key's id
    hash    BLOB NOT NULL,
    body    BLOB NOT NULL,
    UNIQUE (content, hash)
);

CREATE TABLE certificates (
    key  BLOB PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- Boots with their attested statements, as peers were introduced to them.
CREATE TABLE introductions (
    boot BLOB PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE receipts (
    boot     BLOB    NOT NULL,
    sequence INTEGER NOT NULL,
    body     BLOB    NOT NULL,
    PRIMARY KEY (boot, sequence)
) WITHOUT ROWID;

-- Final answers, so that the same request gets the same one.
-- In the order of time, so that neighbours in time share pages: one answer costs a fraction of a page to write.
CREATE TABLE answers (
    issued_at INTEGER NOT NULL, -- of the request
    id        BLOB    NOT NULL, -- of the request
    posted    BLOB    NOT NULL, -- hash of the exact bytes posted
    body      BLOB    NOT NULL,
    PRIMARY KEY (issued_at, id)
) WITHOUT ROWID;

-- Key generations that this host coordinates and has not finished.
CREATE TABLE ceremonies (
    request BLOB PRIMARY KEY,
    state   BLOB NOT NULL
) WITHOUT ROWID;

-- Requests that wait for members' approvals, and what members said of them.
CREATE TABLE requests (
    hash      BLOB PRIMARY KEY,
    not_after INTEGER NOT NULL,
    body      BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE approvals (
    request BLOB NOT NULL,
    hash    BLOB NOT NULL,
    body    BLOB NOT NULL,
    PRIMARY KEY (request, hash)
) WITHOUT ROWID;
