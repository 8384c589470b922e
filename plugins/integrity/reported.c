/* reported.c - a sorted array of numbers in a file. */
#include "plugins/integrity/reported.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, COMPARE_ID);
}

void reported_load(struct reported *set, const char *path)
{
	uint8_t id[COMPARE_ID];
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	while (fread(id, sizeof(id), 1, file) == 1 && reported_add(set, id) == 0)
		;
	fclose(file);
	if (set->n > 0)
		qsort(set->at, set->n, COMPARE_ID, by_id);
}

bool reported_has(const struct reported *set, const uint8_t id[COMPARE_ID])
{
	return set->n > 0 && bsearch(id, set->at, set->n, COMPARE_ID, by_id);
}

int reported_add(struct reported *set, const uint8_t id[COMPARE_ID])
{
	if (set->n == REPORTED_MAX)
		return -ENOSPC;
	if (set->n == set->room) {
		size_t room = set->room ? set->room * 2 : 64;
		void *more = realloc(set->at, room * COMPARE_ID);
		if (!more)
			return -ENOMEM;
		set->at = more;
		set->room = room;
	}
	memcpy(set->at[set->n++], id, COMPARE_ID);
	return 0;
}

void reported_clear(struct reported *set)
{
	free(set->at);
	*set = (struct reported){0};
}
