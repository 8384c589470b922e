/* health.c - signs of failing disks. */
#define _GNU_SOURCE
#include "plugins/system/health.h"
#include "plugins/system/kernel.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct health { const char *sys; void (*found)(const char *, const char *, void *); void *arg; };

typedef void look_at(const struct health *, const char *folder, const char *name);
struct visit { const struct health *health; look_at *fn; unsigned n; };

static void visit(const char *folder, const char *name, void *arg)
{
	struct visit *v = arg;
	char path[PATH_MAX];

	if (v->n++ < HEALTH_MAX && snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		v->fn(v->health, path, name);
}

static void each_entry(const struct health *health, const char *name, look_at *fn)
{
	struct visit v = {health, fn, 0};
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%s/%s", health->sys, name) < (int)sizeof(folder))
		kernel_each(folder, visit, &v);
}

static void look_at_array(const struct health *health, const char *folder, const char *name)
{
	char problem[HEALTH_TEXT];
	int64_t degraded;

	if (kernel_number(folder, "md/degraded", &degraded))	/* RAID 0 has none */
		return;
	snprintf(problem, sizeof(problem), "array lacks %" PRId64 " of its disks", degraded);
	health->found(name, degraded > 0 ? problem : NULL, health->arg);
}

/* SCSI, SATA, SAS: what error handling gave up on is offline. */
static void look_at_disk(const struct health *health, const char *folder, const char *name)
{
	char state[32], problem[HEALTH_TEXT];

	if (strncmp(name, "sd", 2) != 0 || kernel_read(folder, "device/state", state, sizeof(state)))
		return;
	snprintf(problem, sizeof(problem), "disk is %s", state);
	health->found(name, strstr(state, "offline") ? problem : NULL, health->arg);
}

/* eMMC: wear in tenths (0x0b is past the end), and reserved blocks (2: 80 % used, 3: 90 %). */
static void look_at_card(const struct health *health, const char *folder, const char *name)
{
	const char *problem = NULL;
	char life[32];
	int64_t reserve = 0;
	unsigned a = 0, b = 0;

	if (strncmp(name, "mmcblk", 6) != 0 || kernel_read(folder, "device/life_time", life, sizeof(life)))
		return;
	sscanf(life, "%x %x", &a, &b);
	kernel_number(folder, "device/pre_eol_info", &reserve);
	if (a > 10 || b > 10)
		problem = "flash memory is worn out";
	else if (reserve >= 2)
		problem = "flash memory runs out of spare blocks";
	health->found(name, problem, health->arg);
}

static void look_at_block(const struct health *health, const char *folder, const char *name)
{
	look_at_array(health, folder, name);
	look_at_disk(health, folder, name);
	look_at_card(health, folder, name);
}

static void look_at_nvme(const struct health *health, const char *folder, const char *name)
{
	char state[32];

	if (kernel_read(folder, "state", state, sizeof(state)) == 0)
		health->found(name, strcmp(state, "dead") == 0 ? "controller does not answer" : NULL, health->arg);
}

static void look_at_ext4(const struct health *health, const char *folder, const char *name)
{
	char problem[HEALTH_TEXT];
	int64_t errors;

	if (kernel_number(folder, "errors_count", &errors))
		return;
	snprintf(problem, sizeof(problem), "ext4 recorded %" PRId64 " errors; run fsck", errors);
	health->found(name, errors > 0 ? problem : NULL, health->arg);
}

static void look_at_btrfs_disk(const struct health *health, const char *folder, const char *name)
{
	static const char *const kinds[] = {"write_errs", "read_errs", "flush_errs", "corruption_errs",
					    "generation_errs"};
	char text[512], problem[HEALTH_TEXT], device[PATH_MAX];
	const char *uuid = strstr(folder, "/fs/btrfs/");	/* .../fs/btrfs/UUID/devinfo/1 */
	uint64_t sum = 0, n;
	int64_t missing = 0;

	if (kernel_read(folder, "error_stats", text, sizeof(text)))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kernel_field(text, kinds[i], &n) == 0)
			sum += n;
	kernel_number(folder, "missing", &missing);
	uuid = uuid ? uuid + strlen("/fs/btrfs/") : "";
	snprintf(device, sizeof(device), "btrfs %.*s disk %.20s", (int)strcspn(uuid, "/"), uuid, name);
	snprintf(problem, sizeof(problem), "btrfs counted %" PRIu64 " errors", sum);
	health->found(device, missing ? "disk is missing" : sum ? problem : NULL, health->arg);
}

static void look_at_btrfs(const struct health *health, const char *folder, const char *name)
{
	char devices[PATH_MAX];

	if (snprintf(devices, sizeof(devices), "fs/btrfs/%s/devinfo", name) < (int)sizeof(devices))
		each_entry(health, devices, look_at_btrfs_disk);
}

void health_each(const char *sys, void (*found)(const char *, const char *, void *), void *arg)
{
	struct health health = {sys, found, arg};

	each_entry(&health, "block", look_at_block);
	each_entry(&health, "class/nvme", look_at_nvme);
	each_entry(&health, "fs/ext4", look_at_ext4);
	each_entry(&health, "fs/btrfs", look_at_btrfs);
}

bool health_is_smart_disk(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");

	return name[n] == '\0' && (strncmp(name, "sd", 2) == 0 || (strncmp(name, "nvme", 4) == 0 && strchr(name, 'n')));
}

bool health_smart_status(int status, const char **ret_problem)
{
	/* bits 0 to 2: the command line, the device, a SMART command failed; 3: failing; 4, 5: attributes below their
	 * limit now, in the past; 6, 7: errors in the disk's logs, which alone say little */
	if (status < 0 || (status & 3 && !(status & 8)))
		return false;
	if (status & 4 && !(status & 0x18))
		return false;
	*ret_problem = status & 8 ? "SMART says that the disk is failing" :
		       status & 0x10 ? "a SMART attribute is below its limit" : NULL;
	return true;
}
