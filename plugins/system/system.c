/* system.c - processors, memory, swap, load, temperature and disk health: what every user looks for first
 * (5.3.1, 5.12.1). */
#include <beadle/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "plugins/system/health.h"
#include "plugins/system/kernel.h"
#include "plugins/system/sensors.h"
#include "plugins/system/smart.h"

#define SAMPLE 250000000	/* ns that the first round measures the processors for */
#define SECOND INT64_C(1000000000)
#define OLDEST (3600 * SECOND)	/* an earlier reading from before that says nothing of now */
#define TEXT 65536

struct system {
	struct beadle_path proc, sys;
	bool smart;

	struct kernel_cpu cpu;	/* at the last round */
	int64_t read_at;	/* boot clock; 0: not yet */
};

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct system, smart, "yes",
		      "ask smartctl for the disks' health, where it is installed and granted"),
	BEADLE_OPTION(struct system, proc, "/proc", "where proc is mounted"),
	BEADLE_OPTION(struct system, sys, "/sys", "where sysfs is mounted"),
	{0}
};

#define METRIC(id, name, unit, kind, help) static const struct beadle_metric id = {name, unit, help, kind}
METRIC(cpu_used, "system_cpu_used_ratio", "ratio", BEADLE_GAUGE, "Processor time used since the last round");
METRIC(cpu_wait, "system_cpu_wait_ratio", "ratio", BEADLE_GAUGE, "Processor time idle because of a disk");
METRIC(cpu_steal, "system_cpu_steal_ratio", "ratio", BEADLE_GAUGE, "Processor time that other virtual machines took");
METRIC(cpus, "system_cpus", "count", BEADLE_GAUGE, "Processors in use");
METRIC(memory, "system_memory", "bytes", BEADLE_GAUGE, "Memory, by state: used, available");
METRIC(memory_used, "system_memory_used_ratio", "ratio", BEADLE_GAUGE,
       "Memory that programs cannot get: 1 - available / total");
METRIC(swap, "system_swap", "bytes", BEADLE_GAUGE, "Swap, by state: used, free");
METRIC(swap_used, "system_swap_used_ratio", "ratio", BEADLE_GAUGE, "Used swap; 0 where there is none");
METRIC(load, "system_load", "count", BEADLE_GAUGE, "Tasks that run or wait, averaged over 1, 5, 15 minutes");
METRIC(load_per_core, "system_load_per_core", "count", BEADLE_GAUGE, "Load over 5 minutes / processors");
METRIC(tasks, "system_tasks", "count", BEADLE_GAUGE, "Processes and threads");
METRIC(uptime, "system_uptime", "seconds", BEADLE_GAUGE, "Since the machine was booted");
METRIC(oom_kills, "system_oom_kills", "count", BEADLE_COUNTER,
       "Processes killed because memory ran out, since the boot");
METRIC(pressure, "system_pressure_ratio", "ratio", BEADLE_GAUGE,
	"Share of the last minute in which some, or all (full), tasks waited for cpu, memory, io");
METRIC(temperature, "system_temperature", "celsius", BEADLE_GAUGE, "Temperature, by sensor");
METRIC(disk_bad, "system_disk_health_bad", "count", BEADLE_GAUGE,
       "Disks, arrays and file systems that say that they are failing");
static const struct beadle_metric *const metrics[] = {
	&cpu_used, &cpu_wait, &cpu_steal, &cpus, &memory, &memory_used, &swap, &swap_used, &load, &load_per_core,
	&tasks, &uptime, &oom_kills, &pressure, &temperature, &disk_bad, NULL
};

static const struct beadle_need needs[] = {
	{BEADLE_NEED_READ, "/var/lib/smartmontools", "smartctl's table of disks"},
	{BEADLE_NEED_READ, "/dev", "where the disks are"},
	{BEADLE_NEED_PROGRAM, SMART_PROGRAM, "to ask the disks themselves for their health"},
	{0}
};

/* ---- processors: the share since the last round, which another process of ours may have run ---- */

static void load_cpu(struct beadle_ctx *ctx, struct system *system, const char *boot)
{
	const char *path = beadle_state_path(ctx, "cpu");
	char text[256], id[64] = "";
	struct kernel_cpu cpu = {0};
	int64_t at;

	if (system->read_at == 0 && path && kernel_read("", path + 1, text, sizeof(text)) == 0 &&
	    sscanf(text, "%63s %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, id, &at, &cpu.total,
		   &cpu.idle, &cpu.wait, &cpu.steal) == 6 &&
	    strcmp(id, boot) == 0) {
		system->cpu = cpu;
		system->read_at = at;
	}
}

static void save_cpu(struct beadle_ctx *ctx, const struct system *system, const char *boot)
{
	const struct kernel_cpu *cpu = &system->cpu;
	char text[256];
	int n = snprintf(text, sizeof(text), "%s %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", boot,
			 system->read_at, cpu->total, cpu->idle, cpu->wait, cpu->steal);
	int error = beadle_state_write(ctx, "cpu", text, (size_t)n);

	if (error && error != -ENOENT)
		beadle_skip(ctx, -error, "cpu");
}

static int read_cpu(const struct system *system, struct kernel_cpu *ret)
{
	char *text = malloc(TEXT);
	int error = text ? kernel_read(system->proc.name, "stat", text, TEXT) : -ENOMEM;

	if (!error)
		error = kernel_cpu(text, ret);
	free(text);
	return error;
}

static int put_cpu(struct beadle_ctx *ctx, struct system *system, unsigned *ret_processors)
{
	char boot[64] = "unknown";
	struct kernel_cpu_share share;
	struct kernel_cpu now;
	int64_t age;
	int error = read_cpu(system, &now);

	if (error)
		return error;
	kernel_read(system->proc.name, "sys/kernel/random/boot_id", boot, sizeof(boot));
	load_cpu(ctx, system, boot);
	age = beadle_now_boot(ctx) - system->read_at;
	if (system->read_at == 0 || age < 0 || age > OLDEST || !kernel_cpu_share(&system->cpu, &now, &share)) {
		system->cpu = now;
		nanosleep(&(struct timespec){.tv_nsec = SAMPLE}, NULL);
		error = read_cpu(system, &now);
		if (error)
			return error;
		if (!kernel_cpu_share(&system->cpu, &now, &share))
			share = (struct kernel_cpu_share){0};	/* not a tick passed */
	}
	system->cpu = now;
	system->read_at = beadle_now_boot(ctx);
	save_cpu(ctx, system, boot);

	*ret_processors = now.processors > 0 ? now.processors : 1;
	beadle_put(ctx, &cpu_used, share.used);
	beadle_put(ctx, &cpu_wait, share.wait);
	beadle_put(ctx, &cpu_steal, share.steal);
	beadle_put(ctx, &cpus, now.processors);
	return 0;
}

/* ---- the rest of /proc ---- */

static int put_memory(struct beadle_ctx *ctx, const struct system *system)
{
	char text[8192];
	struct kernel_memory m;
	int error = kernel_read(system->proc.name, "meminfo", text, sizeof(text));

	if (!error)
		error = kernel_memory(text, &m);
	if (error)
		return error;
	beadle_put(ctx, &memory, (double)m.available, {"state", "available"});
	beadle_put(ctx, &memory, (double)(m.total - m.available), {"state", "used"});
	beadle_put(ctx, &memory_used, 1 - (double)m.available / (double)m.total);
	beadle_put(ctx, &swap, (double)m.swap_free, {"state", "free"});
	beadle_put(ctx, &swap, (double)(m.swap_total - m.swap_free), {"state", "used"});
	beadle_put(ctx, &swap_used, m.swap_total ? 1 - (double)m.swap_free / (double)m.swap_total : 0);
	return 0;
}

static int put_load(struct beadle_ctx *ctx, const struct system *system, unsigned processors)
{
	char text[256];
	struct kernel_load l;
	int error = kernel_read(system->proc.name, "loadavg", text, sizeof(text));

	if (!error)
		error = kernel_load(text, &l);
	if (error)
		return error;
	beadle_put(ctx, &load, l.average[0], {"minutes", "1"});
	beadle_put(ctx, &load, l.average[1], {"minutes", "5"});
	beadle_put(ctx, &load, l.average[2], {"minutes", "15"});
	beadle_put(ctx, &load_per_core, l.average[1] / processors);
	beadle_put(ctx, &tasks, (double)l.tasks);
	return 0;
}

static int put_uptime(struct beadle_ctx *ctx, const struct system *system)
{
	char text[128];
	uint64_t seconds;
	int error = kernel_read(system->proc.name, "uptime", text, sizeof(text));

	if (error)
		return error;
	if (sscanf(text, "%" SCNu64, &seconds) != 1)
		return -EBADMSG;
	beadle_put(ctx, &uptime, (double)seconds);
	return 0;
}

/* Both are left out where the kernel does not keep them. */
static void put_strain(struct beadle_ctx *ctx, const struct system *system)
{
	static const char *const resources[] = {"cpu", "memory", "io"}, *const kinds[] = {"some", "full"};
	char text[TEXT / 4], name[32];
	uint64_t kills;
	double ratio;

	if (kernel_read(system->proc.name, "vmstat", text, sizeof(text)) == 0 &&
	    kernel_field(text, "oom_kill ", &kills) == 0)
		beadle_put(ctx, &oom_kills, (double)kills);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "pressure/%s", resources[i]);
		if (kernel_read(system->proc.name, name, text, sizeof(text)))
			continue;
		for (size_t j = 0; j < 2; j++)
			if (kernel_pressure(text, kinds[j], &ratio) == 0)
				beadle_put(ctx, &pressure, ratio, {"resource", resources[i]}, {"tasks", kinds[j]});
	}
}

/* ---- hardware ---- */

static void put_temperature(const char *sensor, double celsius, void *ctx)
{
	beadle_put(ctx, &temperature, celsius, {"sensor", sensor});
}

struct disks { struct beadle_ctx *ctx; unsigned bad; };

static void put_disk(const char *device, const char *problem, void *arg)
{
	struct disks *disks = arg;

	disks->bad += problem != NULL;
	beadle_fact(disks->ctx, "system_disk_health", problem ? problem : "good", {"device", device});
}

static void put_facts(struct beadle_ctx *ctx)
{
	struct utsname name;
	char text[4096], *line, *end;

	if (uname(&name) == 0) {
		beadle_fact(ctx, "system_kernel", name.release);
		beadle_fact(ctx, "system_machine", name.machine);
	}
	if (kernel_read("/etc", "os-release", text, sizeof(text)) || !(line = strstr(text, "PRETTY_NAME=")))
		return;
	line += strlen("PRETTY_NAME=");
	line += *line == '"';
	end = line + strcspn(line, "\"\n");
	*end = '\0';
	beadle_fact(ctx, "system_release", line);
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	struct system *system = state;
	struct disks disks = {.ctx = ctx};
	unsigned processors = 1;
	int error;

	if ((error = put_cpu(ctx, system, &processors)))
		beadle_skip(ctx, -error, "stat");
	if ((error = put_memory(ctx, system)))
		beadle_skip(ctx, -error, "meminfo");
	if ((error = put_load(ctx, system, processors)))
		beadle_skip(ctx, -error, "loadavg");
	if ((error = put_uptime(ctx, system)))
		beadle_skip(ctx, -error, "uptime");
	put_strain(ctx, system);
	sensors_each(system->sys.name, put_temperature, ctx);
	health_each(system->sys.name, put_disk, &disks);
	if (system->smart)
		smart_each(ctx, system->sys.name, put_disk, &disks);
	beadle_put(ctx, &disk_bad, disks.bad);
	put_facts(ctx);
	return 0;
}

BEADLE_PLUGIN(system, .version = "1", .help = "Processors, memory, swap, load, temperature and disk health",
	      .state_size = sizeof(struct system), .options = options, .metrics = metrics, .needs = needs,
	      .collect = collect);
