#include "walls.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

static void add(struct walls *w, char *path, unsigned rights)
{
	struct confine_path *place = path ? vec_push(&w->paths) : NULL;

	if (place)
		*place = (struct confine_path){path, rights};
	else
		free(path);
}

void walls_add(struct walls *w, const char *path, unsigned rights)
{
	add(w, strdup(path), rights);
}

static void add_folder_of(struct walls *w, char *file)
{
	char *slash = file ? strrchr(file, '/') : NULL;

	if (slash)
		*slash = 0;
	add(w, file, LANDLOCK_READ);
}

/* It is read at each connection, and may have been replaced by then: its folder stays open, and that of what it is a link to. */
static void add_authority(struct walls *w, const char *ca)
{
	if (!ca)
		return;
	add_folder_of(w, strdup(ca));
	add_folder_of(w, realpath(ca, NULL));
}

void walls_add_channels(struct walls *w, const struct channels *c)
{
	add_authority(w, c->mail.ca);
	for (size_t i = 0; i < c->webhooks.n; i++)
		add_authority(w, c->webhooks.at[i].ca);
	add_authority(w, c->heartbeat.hook.ca);
}

int walls_enter(struct walls *w, enum confine_role role)
{
	char why[CONFINE_WHY];
	int r = confine_enter(role, w->paths.at, w->paths.n, why);

	if (r < 0)
		log_error("%s", why);
	for (size_t i = 0; i < w->paths.n; i++)
		free((void *)w->paths.at[i].path);
	vec_free(&w->paths);
	return r;
}
