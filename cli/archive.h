/*
 * archive.h - the file of a backup: a POSIX tar that any tar reads, whose last member, `manifest`, has the SHA-256 of each file before it, as sha256sum
 * writes and checks them (doc/backup-format.md). Nothing that is read is believed: a name is one of a few that a backup can have.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#define ARCHIVE_NAME 101
#define ARCHIVE_MANIFEST "manifest"
#define ARCHIVE_BLOCK 512

/* One member. folder: its name has no slash at the end; size 0. owner, group: names, "" for none. */
struct member { char name[ARCHIVE_NAME]; bool folder; uint64_t size; mode_t mode; int64_t time; char owner[33], group[33]; };

/* The header of a member: 1; 0: a block of zeros, the end; -EBADMSG. */
int archive_header(const uint8_t block[ARCHIVE_BLOCK], struct member *ret);
int archive_make_header(const struct member *, uint8_t ret[ARCHIVE_BLOCK]);	/* 0; -EINVAL: its name is none */
/* Letters, digits and . _ - between slashes, and no part that begins with a dot. */
bool archive_is_name(const char *name);
/* As the file is now. */
void archive_member(const char *name, const struct stat *, struct member *ret);

/* ---- writing; the manifest grows along ---- */

struct archive_writer { FILE *out, *list; char *manifest; size_t n; EVP_MD_CTX *all; };
int archive_begin(struct archive_writer *, FILE *out);		/* out stays the caller's. These: 0 or -errno */
int archive_put(struct archive_writer *, const struct member *, const void *data);	/* data: member.size bytes; a folder's is NULL */
/* Sealed under the key (sealed.h). -EIO: it became shorter meanwhile; -EFBIG: more than SEALED_MAX. */
int archive_put_sealed(struct archive_writer *, const struct member *, int fd, const uint8_t *key);
/* The manifest and the end; and what all that was written has for a SHA-256, in hex. */
int archive_end(struct archive_writer *, char ret[65]);
void archive_abandon(struct archive_writer *);			/* also after the end */

/* ---- reading ---- */

struct archive_reader { FILE *in, *list; char *manifest; size_t n; EVP_MD_CTX *all, *one; struct member now; uint64_t left; };
int archive_open(struct archive_reader *, FILE *in);
/* The next member, whose content must have been read: 1; 0: all was read, and is what the manifest says; -EBADMSG, or -errno. why: in words. */
int archive_next(struct archive_reader *, struct member *ret, char why[256]);
ssize_t archive_read(struct archive_reader *, void *, size_t room);	/* of the member's content; 0 at its end; -EBADMSG: the file ends before it */
void archive_digest(struct archive_reader *, char ret[65]);	/* of the whole file, after its end */
void archive_close(struct archive_reader *);

#endif
