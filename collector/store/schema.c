#include "collector/store/schema.h"

/* In labels: name, NUL, 4 bytes little-endian length, value, for each, sorted by name. */
const char *const schema_main[] = {
	"CREATE TABLE host (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL) STRICT;"
	"CREATE TABLE given_name (uuid TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;"	/* with the identity, by an administrator */
	"CREATE TABLE task (id INTEGER PRIMARY KEY, host INTEGER NOT NULL, name TEXT NOT NULL, plugin TEXT NOT NULL,"
	" interval_ns INTEGER NOT NULL, UNIQUE (host, name)) STRICT;"	/* a check; the word is SQL's own */
	"CREATE TABLE series (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, metric TEXT NOT NULL, labels BLOB NOT NULL,"
	" UNIQUE (task, metric, labels)) STRICT;"
	"CREATE TABLE state (host INTEGER, task INTEGER, series INTEGER, rule TEXT, state INTEGER NOT NULL, value REAL,"
	" at INTEGER NOT NULL, PRIMARY KEY (host, task, series, rule)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE incident (id INTEGER PRIMARY KEY, host INTEGER NOT NULL, kind TEXT NOT NULL, open INTEGER NOT NULL,"
	" at INTEGER NOT NULL, json TEXT NOT NULL) STRICT;"
	"CREATE INDEX incident_open ON incident (id) WHERE open;"
	"CREATE TABLE step (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL,"
	" action TEXT NOT NULL, json TEXT NOT NULL) STRICT;"
	"CREATE INDEX step_incident ON step (incident);"
	"CREATE TABLE notice (id TEXT PRIMARY KEY, incident INTEGER NOT NULL, open INTEGER NOT NULL, at INTEGER NOT NULL,"
	" json TEXT NOT NULL) STRICT;"
	"CREATE INDEX notice_open ON notice (at) WHERE open;"
	"CREATE TABLE account (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;"
	"CREATE TABLE session (hash TEXT PRIMARY KEY, account TEXT NOT NULL, expires INTEGER NOT NULL, json TEXT NOT NULL) STRICT;"
	"CREATE TABLE setting (key TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;"
	"CREATE TABLE progress (day INTEGER PRIMARY KEY, row INTEGER NOT NULL) STRICT;",
	/* The newest certificate that the host has used; what is known of an identity beside its name. */
	"ALTER TABLE host ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE given_name ADD COLUMN json TEXT NOT NULL DEFAULT '{}';",
	/* doc/journal-format.md. What was kept of incidents before there was a journal goes into it when it is begun (chain.c). */
	"CREATE TABLE journal (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,"
	" digest BLOB NOT NULL, hash BLOB NOT NULL, salt BLOB, payload TEXT) STRICT;"
	"CREATE TABLE checkpoint (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, at INTEGER NOT NULL, signature BLOB NOT NULL) STRICT;"
	"ALTER TABLE step RENAME TO step_before;"
	"DROP INDEX step_incident;"
	"CREATE TABLE step (incident INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (incident, entry)) STRICT, WITHOUT ROWID;",
	/* Records of a host that were acknowledged once, before a backup was put back, and that nobody holds any more (R4). */
	"CREATE TABLE gap (host INTEGER NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, before INTEGER NOT NULL,"
	" found INTEGER NOT NULL, PRIMARY KEY (host, epoch, first)) STRICT, WITHOUT ROWID;",
};
const int schema_main_steps = sizeof(schema_main) / sizeof(schema_main[0]);

/* A row a result and no index: appending costs no search. spool.through is the highest sequence held of (host, epoch), written in
 * the transaction that adds the results, and digest that record's (0: not known); received tells, for the last row of each transaction,
 * when it came. spool_again says what spool says, on other pages: without it nobody knows whose the rows are (R8). parted: what came under
 * numbers that are other records' (R3); it is kept, and neither judged nor counted. */
const char *const schema_day[] = {
	"CREATE TABLE spool (id INTEGER PRIMARY KEY, host INTEGER NOT NULL, epoch INTEGER NOT NULL, through INTEGER NOT NULL) STRICT;"
	"CREATE TABLE result (id INTEGER PRIMARY KEY, spool INTEGER NOT NULL, sequence INTEGER NOT NULL, task INTEGER NOT NULL,"
	" at INTEGER NOT NULL, outcome INTEGER NOT NULL, data BLOB, extra BLOB, crc INTEGER NOT NULL) STRICT;"
	"CREATE TABLE received (row INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;",
	"ALTER TABLE spool ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE parted (id INTEGER PRIMARY KEY, host INTEGER NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,"
	" task INTEGER NOT NULL, at INTEGER NOT NULL, outcome INTEGER NOT NULL, data BLOB, extra BLOB, crc INTEGER NOT NULL) STRICT;",
	"CREATE TABLE spool_again (id INTEGER PRIMARY KEY, host INTEGER NOT NULL, epoch INTEGER NOT NULL, through INTEGER NOT NULL,"
	" digest INTEGER NOT NULL) STRICT;"
	"INSERT INTO spool_again SELECT id, host, epoch, through, digest FROM spool;"
	"CREATE TRIGGER spool_added AFTER INSERT ON spool BEGIN"
	" INSERT INTO spool_again VALUES (new.id, new.host, new.epoch, new.through, new.digest); END;"
	"CREATE TRIGGER spool_moved AFTER UPDATE ON spool BEGIN"
	" UPDATE spool_again SET through = new.through, digest = new.digest WHERE id = new.id; END;",
};
const int schema_day_steps = sizeof(schema_day) / sizeof(schema_day[0]);
