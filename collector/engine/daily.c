/* daily.c - once a day the journal's last checkpoint goes by mail to its witnesses (SECURITY 5.10): what is in their mailboxes nobody here can change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "collector/reckoning.h"
#include "room.h"
#include "words.h"

#define SETTING "checkpoint-mail"	/* the day of the last one, as JSON: "2026-11-26" */

static void spell_day(int64_t wall, char ret[DAILY_DAY])
{
	time_t t = (time_t)(wall / NS_PER_S);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(ret, DAILY_DAY, "\"%Y-%m-%d\"", &tm);
}

int daily_restored(struct engine *e, struct store_reader *reader)
{
	char *text = NULL;
	int r = reader_setting(reader, SETTING, &text);

	if (r == 0)
		snprintf(e->mailed, sizeof(e->mailed), "%s", text);
	free(text);
	return r == -ENOENT ? 0 : r;
}

static void mail(struct engine *e, const struct person *p, const char *day, int64_t wall)
{
	const struct checkpoint *c = &e->checkpoints.last;
	char id[PEOPLE_ID + 40], line[CHECKPOINT_LINE];
	struct words words;

	checkpoint_line(c, line);
	words_checkpoint(e->its.site, p->chinese, c->number, c->time, line, &words);
	snprintf(id, sizeof(id), "checkpoint-%.10s-%s", day + 1, p->id);
	telling_plainly(e, id, p, &words, wall);
}

/* A suspect clock may name a day twice, or leave one out (R12): it waits until the clock is believed. */
void daily_tick(struct engine *e, int64_t wall)
{
	char day[DAILY_DAY];
	size_t n;
	const struct person *const *witnesses = people_witnesses(e->its.site->people, &n);

	if (!n || !e->checkpoints.agreed || !e->checkpoints.last.number || reckoning_suspect(e->its.reckoning))
		return;
	spell_day(wall, day);
	if (!strcmp(day, e->mailed) || !engine_change(e))
		return;
	strcpy(e->mailed, day);
	change_setting(e->change, SETTING, day);
	telling_forget_plain(e);
	for (size_t i = 0; i < n; i++)
		mail(e, witnesses[i], day, wall);
}
