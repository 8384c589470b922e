#include "tests/bench/usage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void read_cpu(pid_t pid, struct usage *u)
{
	char path[64], line[1024] = "", *after;
	unsigned long user, system;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(line, sizeof(line), f) && (after = strrchr(line, ')')) &&
	    sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
		u->cpu = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	fclose(f);
}

void usage_read(pid_t pid, struct usage *u)
{
	char path[64], line[256];
	unsigned long kib;
	FILE *f;

	*u = (struct usage){0};
	read_cpu(pid, u);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			u->rss_mb = (double)kib * 1024 / 1e6;
		if (sscanf(line, "VmHWM: %lu", &kib) == 1)
			u->peak_mb = (double)kib * 1024 / 1e6;
	}
	fclose(f);
}
