/* The plugin interface is a promise: what a module built today relies on must be there tomorrow, at the same place. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beadle/watch.h>

#define AT(S, field, offset) _Static_assert(offsetof(struct S, field) == (offset), #S "." #field " has moved")

#if defined(__LP64__)
AT(beadle_plugin, abi, 0); AT(beadle_plugin, size, 4); AT(beadle_plugin, name, 8); AT(beadle_plugin, version, 16);
AT(beadle_plugin, help, 24); AT(beadle_plugin, state_size, 32); AT(beadle_plugin, options, 40);
AT(beadle_plugin, metrics, 48); AT(beadle_plugin, needs, 56); AT(beadle_plugin, open, 64);
AT(beadle_plugin, collect, 72); AT(beadle_plugin, close, 80); AT(beadle_plugin, watch, 88);
AT(beadle_option, name, 0); AT(beadle_option, dflt, 8); AT(beadle_option, help, 16); AT(beadle_option, offset, 24);
AT(beadle_option, type, 32); AT(beadle_metric, name, 0); AT(beadle_metric, unit, 8); AT(beadle_metric, help, 16);
AT(beadle_metric, kind, 24); AT(beadle_need, kind, 0); AT(beadle_need, what, 8); AT(beadle_need, why, 16);
AT(beadle_label, name, 0); AT(beadle_label, value, 8); AT(beadle_watch, fd, 0); AT(beadle_watch, ready, 8);
AT(beadle_endpoint, host, 0); AT(beadle_endpoint, port, 8); AT(beadle_process, pid, 0); AT(beadle_process, uid, 4);
AT(beadle_process, start_ticks, 8); AT(beadle_process, deleted_libraries, 16); AT(beadle_process, exe_deleted, 20);
AT(beadle_process, exe, 24);
/* Tables are walked by these sizes: they can never grow. */
_Static_assert(sizeof(struct beadle_option) == 40 && sizeof(struct beadle_need) == 24 && sizeof(struct beadle_label) == 16,
	       "a row of a table has grown");
#endif
_Static_assert(BEADLE_BOOL == 1 && BEADLE_ENDPOINT == 10 && BEADLE_STATE == 2 && BEADLE_NEED_SERVICE == 7, "renumbered");

static const char *const promised[] = {
	"beadle_descriptor", "beadle_event_fields", "beadle_fact_labels", "beadle_globs_match", "beadle_granted", "beadle_guard",
	"beadle_list_count", "beadle_list_get", "beadle_log", "beadle_now_boot", "beadle_now_wall", "beadle_processes",
	"beadle_put_labels", "beadle_refuse", "beadle_run", "beadle_skip", "beadle_state_path", "beadle_state_write",
};

static bool is_promised(const char *name)
{
	for (size_t i = 0; i < sizeof(promised) / sizeof(*promised); i++)
		if (strcmp(promised[i], name) == 0)
			return true;
	return false;
}

/* What the host shows to modules is what the header promises, no less and no more. */
START_TEST(test_exported_symbols)
{
	FILE *nm = popen("nm -D --defined-only " BUILD_TREE "/agent/host/beadle-host", "r");
	char type, name[256];
	size_t n = 0;

	ck_assert_ptr_nonnull(nm);
	while (fscanf(nm, "%*x %c %255s", &type, name) == 2)
		if (type == 'T' && strncmp(name, "beadle_", 7) == 0) {
			ck_assert_msg(is_promised(name), "%s is shown, and not in the header", name);
			n++;
		}
	pclose(nm);
	ck_assert_uint_eq(n, sizeof(promised) / sizeof(*promised));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("abi");
	TCase *tests = tcase_create("host");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, test_exported_symbols);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
