/* test_system.c - the kernel's texts, and trees like /sys. */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/system/health.h"
#include "plugins/system/kernel.h"
#include "plugins/system/sensors.h"
#include "tests/unit/folder.h"

START_TEST(shares_of_processor_time)
{
	struct kernel_cpu before, after;
	struct kernel_cpu_share share;

	ck_assert_int_eq(kernel_cpu("cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2\ncpu1 1 2\nintr 5\n", &before), 0);
	ck_assert_uint_eq(before.processors, 2);
	ck_assert_uint_eq(before.total, 1000);
	ck_assert_int_eq(kernel_cpu("cpu  130 0 110 740 110 0 0 10 80 0\ncpu0 1 2\n", &after), 0);
	ck_assert(kernel_cpu_share(&before, &after, &share));
	ck_assert_double_eq_tol(share.used, 0.5, 1e-9);
	ck_assert_double_eq_tol(share.wait, 0.1, 1e-9);
	ck_assert_double_eq_tol(share.steal, 0.1, 1e-9);
	ck_assert(!kernel_cpu_share(&after, &before, &share));	/* the machine was booted in between */
	ck_assert(!kernel_cpu_share(&after, &after, &share));
	ck_assert_int_eq(kernel_cpu("", &after), -EBADMSG);
	ck_assert_int_eq(kernel_cpu("cpu  1 2\n", &after), -EBADMSG);

	after = before;		/* waiting stepped back, as the kernel's documentation warns */
	after.total += 10;
	after.wait -= 5;
	ck_assert(kernel_cpu_share(&before, &after, &share) && share.wait == 0 && share.used <= 1);
}
END_TEST

START_TEST(memory_and_swap)
{
	struct kernel_memory m;

	ck_assert_int_eq(
		kernel_memory(
			"MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:  400 kB\nBuffers: 1 kB\nCached: 2 kB\n"
			"SwapCached: 5 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n",
			&m),
		0);
	ck_assert_uint_eq(m.total, 1024000);
	ck_assert_uint_eq(m.available, 409600);
	ck_assert_uint_eq(m.swap_total - m.swap_free, 30 * 1024);
	ck_assert_int_eq(kernel_memory("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 10 kB\nCached: 200 kB\n", &m), 0);
	ck_assert_uint_eq(m.available, 310 * 1024);
	ck_assert_int_eq(kernel_memory("nonsense", &m), -EBADMSG);
}
END_TEST

START_TEST(load_and_pressure)
{
	const char *text =
		"some avg10=1.50 avg60=12.25 avg300=0.00 total=3\nfull avg10=0.00 avg60=0.50 avg300=0.00 total=1";
	struct kernel_load l;
	double ratio;
	uint64_t n;

	ck_assert_int_eq(kernel_load("0.52 12.05 3.00 3/421 9999", &l), 0);
	ck_assert_double_eq_tol(l.average[0], 0.52, 1e-9);
	ck_assert_double_eq_tol(l.average[1], 12.05, 1e-9);
	ck_assert_uint_eq(l.tasks, 421);
	ck_assert_int_eq(kernel_load("x", &l), -EBADMSG);
	ck_assert_int_eq(kernel_pressure(text, "some", &ratio), 0);
	ck_assert_double_eq_tol(ratio, 0.1225, 1e-9);
	ck_assert_int_eq(kernel_pressure(text, "full", &ratio), 0);
	ck_assert_double_eq_tol(ratio, 0.005, 1e-9);
	ck_assert_int_eq(kernel_pressure("", "some", &ratio), -ENODATA);
	ck_assert_int_eq(kernel_field("a 1\noom_kill 7\n", "oom_kill ", &n), 0);
	ck_assert_uint_eq(n, 7);
}
END_TEST

/* ---- trees ---- */

static char sys[64];

static void put(const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", sys, name);
	for (char *s = path + strlen(sys) + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		mkdir(path, 0755);
	}
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void make_link(const char *target, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", sys, name);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void setup(void)
{
	strcpy(sys, "/tmp/beadle-sys.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(sys));
}

static void teardown(void)
{
	ck_assert_int_eq(folder_remove(sys), 0);
}

static char told[2048];

static void tell_sensor(const char *sensor, double celsius, void *arg)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%s %.3f\n", sensor, celsius);
}

START_TEST(temperatures_of_hwmon)
{
	told[0] = '\0';
	put("class/hwmon/hwmon0/name", "coretemp\n");
	put("class/hwmon/hwmon0/temp1_label", "Package id 0\n");
	put("class/hwmon/hwmon0/temp1_input", "45500\n");
	put("class/hwmon/hwmon0/temp2_input", "-128000\n");	/* not connected */
	put("class/hwmon/hwmon0/temp3_input", "30000\n");
	put("class/hwmon/hwmon0/temp3_fault", "1\n");
	put("class/hwmon/hwmon0/temp4_input", "junk\n");
	put("class/hwmon/hwmon0/temp5_crit", "90000\n");
	make_link("../../devices/platform/coretemp.0", "class/hwmon/hwmon0/device");
	put("class/hwmon/hwmon1/name", "nvme\n");
	put("class/hwmon/hwmon1/temp1_input", "38850\n");
	make_link("../../nvme0", "class/hwmon/hwmon1/device");
	put("class/thermal/thermal_zone0/temp", "1000\n");
	put("class/thermal/thermal_zone0/type", "acpitz\n");
	sensors_each(sys, tell_sensor, NULL);
	ck_assert_str_eq(told, "coretemp:coretemp.0:Package id 0 45.500\nnvme:nvme0:temp1 38.850\n");
}
END_TEST

START_TEST(temperatures_of_zones)
{
	told[0] = '\0';
	put("class/thermal/thermal_zone0/temp", "41000\n");
	put("class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
	put("class/thermal/cooling_device0/type", "fan\n");
	sensors_each(sys, tell_sensor, NULL);
	ck_assert_str_eq(told, "x86_pkg_temp:thermal_zone0:temp 41.000\n");
}
END_TEST

static void tell_disk(const char *device, const char *problem, void *arg)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%s: %s\n", device, problem ? problem : "good");
}

START_TEST(disks_that_fail)
{
	told[0] = '\0';
	put("block/md0/md/degraded", "0\n");
	put("block/md1/md/degraded", "1\n");
	put("block/sda/device/state", "running\n");
	put("block/sdb/device/state", "offline\n");
	put("block/mmcblk0/device/life_time", "0x0b 0x01\n");
	put("block/loop0/size", "0\n");
	put("class/nvme/nvme0/state", "live\n");
	put("class/nvme/nvme1/state", "dead\n");
	put("fs/ext4/sda1/errors_count", "0\n");
	put("fs/ext4/sdb1/errors_count", "3\n");
	put("fs/ext4/features/batched_discard", "supported\n");
	put("fs/btrfs/1234/devinfo/1/error_stats",
	    "write_errs 0\nread_errs 2\nflush_errs 0\ncorruption_errs 1\ngeneration_errs 0\n");
	put("fs/btrfs/1234/devinfo/1/missing", "0\n");
	health_each(sys, tell_disk, NULL);
	ck_assert_str_eq(told,
			 "md0: good\nmd1: array lacks 1 of its disks\nmmcblk0: flash memory is worn out\nsda: good\n"
			 "sdb: disk is offline\nnvme0: good\nnvme1: controller does not answer\nsda1: good\n"
			 "sdb1: ext4 recorded 3 errors; run fsck\nbtrfs 1234 disk 1: btrfs counted 3 errors\n");
}
END_TEST

START_TEST(what_smartctl_says)
{
	const char *problem;

	ck_assert(health_smart_status(0, &problem) && !problem);
	ck_assert(health_smart_status(8, &problem) && strstr(problem, "failing"));
	ck_assert(health_smart_status(8 | 4, &problem) && strstr(problem, "failing"));
	ck_assert(health_smart_status(16, &problem) && strstr(problem, "below"));
	ck_assert(health_smart_status(32 | 64 | 128, &problem) && !problem);
	ck_assert(!health_smart_status(1, &problem) && !health_smart_status(2, &problem) &&
		  !health_smart_status(4, &problem));
	ck_assert(!health_smart_status(-ETIMEDOUT, &problem));
	ck_assert(health_is_smart_disk("sda") && health_is_smart_disk("nvme0n1"));
	ck_assert(!health_is_smart_disk("loop0") && !health_is_smart_disk("sda!b") && !health_is_smart_disk("../x"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("system");
	TCase *texts = tcase_create("texts"), *trees = tcase_create("trees");
	SRunner *runner;
	int failed;

	tcase_add_test(texts, shares_of_processor_time);
	tcase_add_test(texts, memory_and_swap);
	tcase_add_test(texts, load_and_pressure);
	tcase_add_test(texts, what_smartctl_says);
	tcase_add_checked_fixture(trees, setup, teardown);
	tcase_add_test(trees, temperatures_of_hwmon);
	tcase_add_test(trees, temperatures_of_zones);
	tcase_add_test(trees, disks_that_fail);
	suite_add_tcase(suite, texts);
	suite_add_tcase(suite, trees);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
