/* pending.c - see pending.h */
#define _GNU_SOURCE
#include "plugins/patch/pending.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "beadle patch 1\n"
#define SECURITY_MAX 20000

void pending_free(struct pending *p)
{
	for (size_t i = 0; i < p->security_count; i++)
		free(p->security[i].name);
	free(p->security);
	*p = (struct pending){0};
}

static struct security *find(const struct pending *p, const char *name)
{
	for (size_t i = 0; i < p->security_count; i++)
		if (!strcmp(p->security[i].name, name))
			return &p->security[i];
	return NULL;
}

static int append(struct pending *p, const char *name, int64_t first)
{
	size_t n = p->security_count;

	if (n == SECURITY_MAX)
		return -E2BIG;
	if (n == p->room) {
		size_t room = n ? 2 * n : 64;
		struct security *grown = realloc(p->security, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->security = grown;
		p->room = room;
	}
	p->security[n] = (struct security){strdup(name), first, true};
	if (!p->security[n].name)
		return -ENOMEM;
	p->security_count++;
	return 0;
}

void pending_begin(struct pending *p)
{
	p->count = 0;
	for (size_t i = 0; i < p->security_count; i++)
		p->security[i].seen = false;
}

int pending_add(struct pending *p, const char *name, int64_t now)
{
	struct security *known = find(p, name);

	if (!known)
		return append(p, name, now);
	known->seen = true;
	return 0;
}

void pending_end(struct pending *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->security_count; i++) {
		if (p->security[i].seen)
			p->security[kept++] = p->security[i];
		else
			free(p->security[i].name);
	}
	p->security_count = kept;
}

int64_t pending_oldest(const struct pending *p)
{
	int64_t oldest = 0;

	for (size_t i = 0; i < p->security_count; i++)
		if (!oldest || p->security[i].first < oldest)
			oldest = p->security[i].first;
	return oldest;
}

static int load(FILE *f, struct pending *p)
{
	char line[512], name[256];
	int64_t first;
	int error = 0;

	if (!fgets(line, sizeof(line), f) || strcmp(line, HEAD) != 0)
		return -EBADMSG;
	if (fscanf(f, "fingerprint %" SCNx64 " computed %" SCNd64 " last_update %" SCNd64 " pending %" SCNu64 "\n",
		   &p->fingerprint, &p->computed, &p->last_update, &p->count) != 4)
		return -EBADMSG;
	while (!error && fgets(line, sizeof(line), f)) {
		error = -EBADMSG;
		if (sscanf(line, "security %" SCNd64 " %255s", &first, name) == 2)
			error = append(p, name, first);
	}
	return error;
}

int pending_load(const char *path, struct pending *ret)
{
	FILE *f = fopen(path, "re");
	int error;

	*ret = (struct pending){0};
	if (!f)
		return -errno;
	error = load(f, ret);
	fclose(f);
	if (error)
		pending_free(ret);
	return error;
}

int pending_text(const struct pending *p, char **ret, size_t *ret_n)
{
	FILE *f = open_memstream(ret, ret_n);
	bool failed;

	if (!f)
		return -ENOMEM;
	fprintf(f, HEAD "fingerprint %" PRIx64 " computed %" PRId64 " last_update %" PRId64 " pending %" PRIu64 "\n",
		p->fingerprint, p->computed, p->last_update, p->count);
	for (size_t i = 0; i < p->security_count; i++)
		fprintf(f, "security %" PRId64 " %s\n", p->security[i].first, p->security[i].name);
	failed = ferror(f);
	if (fclose(f) == 0 && !failed)
		return 0;
	free(*ret);
	return -ENOMEM;
}
