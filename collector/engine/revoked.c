/* revoked.c - the signer's list of revoked identities, and our copy of it. It stands in the identity folder: it outlasts our store, like the list itself,
 * and is there when the signer is not (I4). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "io.h"
#include "log.h"
#include "room.h"

#define LIST_MAX (8u * 1024 * 1024)	/* as doors.c takes it from the signer */
#define UUID 36

static void path_of(const struct engine *e, char buf[512])
{
	snprintf(buf, 512, "%s/revoked", e->its.identity_folder);
}

/* A line each: the identity, and what the signer has to say behind it. */
static void count_all(struct engine *e, const char *at, size_t n)
{
	const char *end = at + n;
	char uuid[UUID + 1] = "";

	for (const char *line = at, *next; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : end;
		if (next - line < UUID)
			continue;
		memcpy(uuid, line, UUID);
		if (signing_revoked(e, uuid, &(struct deed){RECORD_SYSTEM, NULL, "identity.revoked"}) < 0)
			log_error("%s is revoked, which cannot be kept: out of memory", uuid);
	}
}

void revoked_open(struct engine *e)
{
	FREE char *text = NULL;
	char path[512];
	size_t n;
	int r;

	path_of(e, path);
	r = io_read_file(path, LIST_MAX, &text, &n);
	e->revoked_known = r == 0;
	if (r == 0)
		count_all(e, text, n);
	else if (r != -ENOENT)
		log_error("%s: %s", path, strerror(-r));
}

void revoked_listed(struct engine *e, const char *list, size_t n)
{
	FREE char *before = NULL;
	char path[512];
	size_t size;
	int r;

	count_all(e, list, n);
	path_of(e, path);
	if (io_read_file(path, LIST_MAX, &before, &size) == 0 && size == n && !memcmp(before, list, n))
		return;
	r = io_replace_file(path, list, n, 0600);
	if (r < 0)
		log_error("%s: the signer's list cannot be kept: %s", path, strerror(-r));
}

int revoked_add(struct engine *e, const char *uuid)
{
	FREE char *before = NULL, *after = NULL;
	char path[512];
	size_t n = 0;
	int r;

	path_of(e, path);
	r = io_read_file(path, LIST_MAX, &before, &n);
	if (r < 0 && r != -ENOENT)
		return r;
	after = malloc(n + UUID + 2);
	if (!after)
		return -ENOMEM;
	memcpy(after, before ? before : "", n);
	snprintf(after + n, UUID + 2, "%s\n", uuid);
	return io_replace_file(path, after, n + strlen(after + n), 0600);
}
