/*
 * cvd.h - the 512-byte header of a ClamAV database (CVD signed, CLD local, CUD unsigned):
 *   ClamAV-VDB:build time:version:signatures:functionality level:MD5:digital signature:builder:build time in seconds
 * padded with blanks. The file may come from anywhere: every byte is taken as hostile.
 */
#ifndef CVD_H
#define CVD_H

#include <stddef.h>
#include <stdint.h>

#define CVD_HEADER 512

struct cvd {
	uint32_t version, signatures;
	int64_t built;		/* seconds since 1970 */
};

/* `size` bytes of the header, not ended by NUL. Returns 0 or -EBADMSG. */
int cvd_parse(const void *header, size_t size, struct cvd *ret);
int cvd_read(int folder, const char *name, struct cvd *ret);	/* 0, -EBADMSG or -errno */

/* Calls `found` for each database in the folder: its name without ending ("daily") and its header, or the error of one
 * that cannot be read. Returns 0 or -errno of the folder. */
int cvd_each(const char *folder, void (*found)(const char *name, int error, const struct cvd *, void *arg), void *arg);
#endif
