/*
 * pages.h - every page of a database file carries a checksum (R8): a bit that the disk turned is found when the page is read, and never
 * served. SQLite leaves room at the end of each page for it (sql_open asks for that), its log has checksums of its own.
 */
#ifndef PAGES_H
#define PAGES_H

#define PAGES_VFS "beadle-pages"	/* for sqlite3_open_v2, after pages_register */
#define PAGES_ROOM 4			/* bytes that SQLite must leave free at the end of each page */
#define PAGES_MARK 0x42646c31		/* application_id of files that have them, "Bdl1" */
#define PAGE_SIZE 4096

/* Any thread, as often as you like. 0 or -errno. A damaged page is SQLITE_IOERR_DATA to its reader. */
int pages_register(void);

#endif
