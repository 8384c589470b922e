/* sensors.c - what the kernel's drivers measure. */
#define _GNU_SOURCE
#include "plugins/system/sensors.h"
#include "plugins/system/kernel.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME 128

struct sensors {
	const char *sys;
	void (*found)(const char *, double, void *);
	void *arg;
	unsigned n;
};

/* Where `name` is a link, the last part of what it points to: "nvme0" of hwmon3/device. */
static void link_name(const char *folder, const char *name, char *buffer, size_t room)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n = -1;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	snprintf(buffer, room, "%s", slash ? slash + 1 : target);
}

static void tell(struct sensors *sensors, const char *sensor, int64_t millidegrees)
{
	/* no sensor of a computer that works says these; some say -128 or 255 for "none" */
	if (millidegrees < -60000 || millidegrees > 200000 || sensors->n++ >= SENSORS_MAX)
		return;
	sensors->found(sensor, (double)millidegrees / 1000, sensors->arg);
}

static void read_input(const char *folder, const char *input, void *arg)
{
	struct sensors *sensors = arg;
	char name[NAME], label[NAME], device[NAME], file[64], sensor[3 * NAME + 2];
	int64_t value, fault = 0;
	int n = 0, index;

	if (sscanf(input, "temp%d_input%n", &index, &n) != 1 || n == 0 || input[n] != '\0')
		return;
	snprintf(file, sizeof(file), "temp%d_fault", index);
	kernel_number(folder, file, &fault);
	if (fault || kernel_number(folder, input, &value))
		return;
	snprintf(file, sizeof(file), "temp%d_label", index);
	if (kernel_read(folder, file, label, sizeof(label)))
		snprintf(label, sizeof(label), "temp%d", index);
	if (kernel_read(folder, "name", name, sizeof(name)))
		strcpy(name, "unknown");
	link_name(folder, "device", device, sizeof(device));
	snprintf(sensor, sizeof(sensor), "%s:%s:%s", name, device, label);
	tell(sensors, sensor, value);
}

static void read_hwmon(const char *folder, const char *name, void *arg)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		kernel_each(path, read_input, arg);
}

static void read_zone(const char *folder, const char *name, void *arg)
{
	struct sensors *sensors = arg;
	char path[PATH_MAX], type[NAME], sensor[2 * NAME];
	int64_t value;

	if (strncmp(name, "thermal_zone", 12) != 0 ||
	    snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) ||
	    kernel_number(path, "temp", &value) || kernel_read(path, "type", type, sizeof(type)))
		return;
	snprintf(sensor, sizeof(sensor), "%s:%.60s:temp", type, name);
	tell(sensors, sensor, value);
}

void sensors_each(const char *sys, void (*found)(const char *, double, void *), void *arg)
{
	struct sensors sensors = {sys, found, arg, 0};
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/class/hwmon", sys) < (int)sizeof(path))
		kernel_each(path, read_hwmon, &sensors);
	if (sensors.n == 0 && snprintf(path, sizeof(path), "%s/class/thermal", sys) < (int)sizeof(path))
		kernel_each(path, read_zone, &sensors);
}
