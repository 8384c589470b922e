/* smart.c - the disks' own word for their health. */
#include "plugins/system/smart.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <beadle/plugin.h>

#include "plugins/system/health.h"

#define SECOND INT64_C(1000000000)
#define PATIENCE (5 * SECOND)		/* for one disk */
#define KEEP (3600 * SECOND)

struct smart { unsigned n; struct { char device[32]; int status; } at[SMART_DISKS_MAX]; };

/* Answers that are not older than an hour; one from the future is of another clock. */
static bool load(struct beadle_ctx *ctx, struct smart *ret)
{
	const char *path = beadle_state_path(ctx, "smart");
	FILE *file = path ? fopen(path, "re") : NULL;
	int64_t at, age;

	if (!file)
		return false;
	age = fscanf(file, "%" SCNd64, &at) == 1 ? beadle_now_wall(ctx) - at : -1;
	for (ret->n = 0; ret->n < SMART_DISKS_MAX; ret->n++)
		if (fscanf(file, "%31s %d", ret->at[ret->n].device, &ret->at[ret->n].status) != 2)
			break;
	fclose(file);
	return age >= 0 && age < KEEP;
}

static void save(struct beadle_ctx *ctx, const struct smart *smart)
{
	char text[32 + SMART_DISKS_MAX * 48];
	int n = snprintf(text, sizeof(text), "%" PRId64 "\n", beadle_now_wall(ctx)), error;

	for (unsigned i = 0; i < smart->n; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %d\n", smart->at[i].device, smart->at[i].status);
	error = beadle_state_write(ctx, "smart", text, (size_t)n);
	if (error && error != -ENOENT)
		beadle_skip(ctx, -error, "smart");
}

static int ask(struct beadle_ctx *ctx, const char *device)
{
	char path[64], *text = NULL;
	const char *const argv[] = {SMART_PROGRAM, "-q", "silent", "-H", "-n", "standby", path, NULL};
	int status;

	snprintf(path, sizeof(path), "/dev/%s", device);
	if (access(path, R_OK) < 0 && errno == EACCES)	/* smartctl says the same of this and of a disk that sleeps */
		return -EACCES;
	status = beadle_run(ctx, argv, 4096, (struct beadle_duration){PATIENCE}, &text);
	if (status >= 0)
		free(text);
	return status;
}

static void ask_all(struct beadle_ctx *ctx, const char *sys, struct smart *ret)
{
	char folder[4096];
	struct dirent *entry;
	DIR *dir = NULL;

	ret->n = 0;
	if (snprintf(folder, sizeof(folder), "%s/block", sys) < (int)sizeof(folder))
		dir = opendir(folder);
	while (dir && ret->n < SMART_DISKS_MAX && (entry = readdir(dir))) {
		char *device = ret->at[ret->n].device;
		if (!health_is_smart_disk(entry->d_name))
			continue;
		snprintf(device, sizeof(ret->at[0].device), "%.31s", entry->d_name);
		ret->at[ret->n++].status = ask(ctx, device);
	}
	if (dir)
		closedir(dir);
}

void smart_each(struct beadle_ctx *ctx, const char *sys,
		void (*found)(const char *device, const char *problem, void *arg), void *arg)
{
	const char *problem;
	struct smart smart;
	char name[64];
	bool closed = false;

	if (access(SMART_PROGRAM, X_OK) < 0)
		return;
	if (!load(ctx, &smart)) {
		ask_all(ctx, sys, &smart);
		save(ctx, &smart);
	}
	for (unsigned i = 0; i < smart.n; i++) {
		closed |= smart.at[i].status == -EACCES;
		if (health_smart_status(smart.at[i].status, &problem)) {
			snprintf(name, sizeof(name), "%s SMART", smart.at[i].device);
			found(name, problem, arg);
		}
	}
	if (closed)
		beadle_skip(ctx, EACCES, "SMART: the disks are closed to this user");
}
