/* What hosts refuse (SECURITY P8), report and offer. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "tests/unit/rig.h"

/* ---- P8 and what else is refused, in words ---- */

static void refused(const char *name, const char *module, const char *words)
{
	struct plugin_record *r = rig_record(&rig, name);
	struct plughost host;
	Host__FromHost *m;

	if (module)
		snprintf(r->module, sizeof(r->module), "%s", module);
	rig_load(&rig);
	host = rig_host(&rig, r->index, 9);
	m = rig_message(&rig, &host, 20, NULL);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(m->message_case, HOST__FROM_HOST__MESSAGE_PROBLEM);
	ck_assert_msg(memmem(m->problem->text.data, m->problem->text.len, words, strlen(words)) != NULL, "%.*s",
		      (int)m->problem->text.len, m->problem->text.data);
	ck_assert_ptr_null(rig_message(&rig, &host, 20, NULL));
	ck_assert_int_eq(WEXITSTATUS(rig_ended(&rig).status), 1);
	close(host.socket);
}

START_TEST(test_p08_refused_in_words)
{
	char path[128], folder[128];
	FILE *f;

	refused("bad_abi", NULL, "made for a newer Beadle");
	refused("bad_symbol", NULL, "it has no symbol bad_symbol_LTX_beadle_plugin");
	rig.n = 2;
	refused("bad_tables", NULL, "option b lies outside the plugin's state");
	rig.n = 2;
	refused("nothing", "/nonexistent/nothing.so", "No such file");
	rig.n = 2;
	snprintf(folder, sizeof(folder), "%s/modules", rig.state);
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/text.so", folder);
	f = fopen(path, "w");
	for (int i = 0; i < 100; i++)
		fputs("this is no module, but a text that is long enough to be taken for one\n", f);
	fclose(f);
	refused("text", path, "invalid ELF header");
	rig.n = 2;
	ck_assert_int_eq(chmod(path, 0664), 0);
	refused("text", path, "others may write to the module");
	rig.n = 2;
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(chmod(folder, 0775), 0);
	refused("text", path, "others may write to folder");
}
END_TEST

/* The tables were read of another file than the one that is there now. */
START_TEST(test_p08_changed_module)
{
	struct plugin_record *r = rig_record(&rig, "bad");
	struct stat st;
	struct plughost host;

	ck_assert_int_eq(stat(r->module, &st), 0);
	r->module_inode = st.st_ino;
	r->module_size = (uint64_t)st.st_size;
	r->module_changed = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec;
	rig_load(&rig);
	host = rig_host(&rig, 2, 5);
	ck_assert_int_eq(rig_message(&rig, &host, 20, NULL)->message_case, HOST__FROM_HOST__MESSAGE_INVENTORY);
	rig_end(&host);
	r->module_changed++;
	rig_load(&rig);
	host = rig_host(&rig, 2, 6);
	ck_assert_int_eq(rig_message(&rig, &host, 20, NULL)->message_case, HOST__FROM_HOST__MESSAGE_PROBLEM);
	ck_assert_int_eq(WEXITSTATUS(rig_ended(&rig).status), 1);
	close(host.socket);
}
END_TEST

/* ---- reports ---- */

START_TEST(test_reports_arrive_whole)
{
	struct plughost host = rig_commit("report");
	Host__FromHost *m = rig_message(&rig, &host, 20, NULL);
	Host__Round *round;

	ck_assert_int_eq(m->message_case, HOST__FROM_HOST__MESSAGE_INVENTORY);
	ck_assert_str_eq(m->inventory->plugin->name, "bad");
	ck_assert_str_eq(m->inventory->plugin->metrics[0]->unit, "count");
	ck_assert_str_eq(m->inventory->needs[0]->what, "procscan");
	ck_assert_str_eq(m->inventory->options[0], "misdeed");
	m = rig_message(&rig, &host, 20, NULL);
	ck_assert_int_eq(m->message_case, HOST__FROM_HOST__MESSAGE_EVENTS);
	ck_assert_uint_eq(m->events->check, 7);
	ck_assert_str_eq(m->events->events[0]->name, "seen");
	ck_assert_uint_gt(m->events->events[0]->at, UINT64_C(1700000000000000000));
	ck_assert_uint_eq(m->events->events[0]->fields[0]->value.len, 3);
	round = rig_round(&rig, &host, 20);
	ck_assert_uint_eq(round->check, 7);
	ck_assert_uint_eq(round->run, 1);
	ck_assert_int_eq(round->outcome, WIRE__OUTCOME__PARTIAL);
	ck_assert_uint_eq(round->n_values, 3);
	ck_assert(round->values[0]->value == 1 && round->values[0]->n_labels == 0);
	ck_assert(round->values[1]->value == 4 && round->values[1]->n_labels == 2);
	ck_assert_str_eq(round->values[1]->labels[1]->name, "state");
	ck_assert(round->values[2]->value == 3);
	ck_assert_str_eq(round->facts[0]->name, "release");
	ck_assert_int_eq(round->skips[0]->error, ENOENT);
	ck_assert_uint_gt(round->took_ns, 0);
	rig_end(&host);
}
END_TEST

static void fails(const char *misdeed, const char *words)
{
	struct plughost host = rig_commit(misdeed);
	Host__Round *round = rig_round(&rig, &host, 20);

	ck_assert_int_eq(round->outcome, WIRE__OUTCOME__FAILED);
	ck_assert_uint_eq(round->n_values, 0);
	ck_assert_msg(memmem(round->error.data, round->error.len, words, strlen(words)) != NULL, "%.*s",
		      (int)round->error.len, round->error.data);
	rig_end(&host);
}

START_TEST(test_round_is_whole_or_not_at_all)
{
	fails("nan", "not a number");
	fails("foreign", "not in the plugin's table");
	fails("too_many", "more than 10000 values");
}
END_TEST

START_TEST(test_events_are_not_bounded_by_the_round)
{
	struct plughost host = rig_commit("many_events");
	Host__FromHost *m;
	size_t n = 0;

	while ((m = rig_message(&rig, &host, 20, NULL)) && m->message_case != HOST__FROM_HOST__MESSAGE_ROUND)
		if (m->message_case == HOST__FROM_HOST__MESSAGE_EVENTS)
			n += m->events->n_events;
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(m->round->outcome, WIRE__OUTCOME__OK);
	ck_assert_uint_eq(n, 20000);
	rig_end(&host);
}
END_TEST

START_TEST(test_wrong_option_is_a_problem)
{
	struct plughost host = rig_host(&rig, 0, 100);
	Host__ToHost to = HOST__TO_HOST__INIT;
	Host__Configure c = HOST__CONFIGURE__INIT;
	Host__Option option = HOST__OPTION__INIT, *options = &option;
	Host__FromHost *m;

	option.name = (char *)"misded";
	option.file = (char *)"a.yaml";
	option.line = 12;
	c.check = 7;
	c.name = (char *)"test";
	c.n_options = 1;
	c.options = &options;
	to.message_case = HOST__TO_HOST__MESSAGE_CONFIGURE;
	to.configure = &c;
	ck_assert_int_eq(plughost_send(&host, &to), 0);
	rig_message(&rig, &host, 20, NULL);
	m = rig_message(&rig, &host, 20, NULL);
	ck_assert_int_eq(m->message_case, HOST__FROM_HOST__MESSAGE_PROBLEM);
	ck_assert_str_eq(m->problem->file, "a.yaml");
	ck_assert_uint_eq(m->problem->line, 12);
	ck_assert_ptr_nonnull(memmem(m->problem->text.data, m->problem->text.len, "did you mean \"misdeed\"", 22));
	rig_run(&host, 7, 1);
	ck_assert_int_eq(rig_round(&rig, &host, 20)->outcome, WIRE__OUTCOME__FAILED);
	rig_end(&host);
}
END_TEST

/* ---- a watcher ---- */

static void hear(const char *bytes)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/2/test/fifo", rig.state);
	fd = open(path, O_WRONLY | O_NONBLOCK);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(io_write_all(fd, bytes, strlen(bytes)), 0);
	close(fd);
}

START_TEST(test_watcher_is_heard_between_rounds)
{
	struct plughost host;
	Host__FromHost *m;
	Host__Round *round;
	int error;

	rig_record(&rig, "watcher");
	rig_load(&rig);
	host = rig_host(&rig, 2, 5);
	rig_configure(&host, 7, NULL, NULL);
	rig_run(&host, 7, 1);
	m = rig_message(&rig, &host, 20, NULL);
	ck_assert(m->message_case == HOST__FROM_HOST__MESSAGE_INVENTORY && m->inventory->watches);
	ck_assert_int_eq(rig_round(&rig, &host, 20)->outcome, WIRE__OUTCOME__OK);
	hear("ab");
	m = rig_message(&rig, &host, 20, NULL);
	ck_assert_int_eq(m->message_case, HOST__FROM_HOST__MESSAGE_EVENTS);
	ck_assert_uint_eq(m->events->check, 7);
	ck_assert_uint_eq(m->events->n_events, 2);
	ck_assert_uint_eq(m->events->events[1]->fields[0]->value.data[0], 'b');
	hear("!x");	/* an error: not listened to any more ... */
	ck_assert_ptr_null(rig_message(&rig, &host, 0.3, &error));
	ck_assert_int_eq(error, -ETIMEDOUT);
	rig_run(&host, 7, 2);	/* ... until the next round */
	round = rig_round(&rig, &host, 20);
	ck_assert_ptr_nonnull(memmem(round->output.data, round->output.len, "watching stops", 14));
	ck_assert_ptr_nonnull(memmem(round->output.data, round->output.len, "outside of collect", 18));
	m = rig_message(&rig, &host, 20, NULL);
	ck_assert_int_eq(m->message_case, HOST__FROM_HOST__MESSAGE_EVENTS);
	ck_assert_uint_eq(m->events->events[0]->fields[0]->value.data[0], 'x');
	rig_end(&host);
}
END_TEST

/* ---- services ---- */

static double value_of(const Host__Round *round, const char *what)
{
	for (size_t i = 0; i < round->n_values; i++)
		if (strncmp((const char *)round->values[i]->labels[0]->value.data, what,
			    round->values[i]->labels[0]->value.len) == 0)
			return round->values[i]->value;
	ck_abort_msg("no value %s", what);
}

START_TEST(test_programs)
{
	struct plughost host;
	Host__Round *round;

	strcpy(rig.records[0].grants, "program:/bin/sh\nprogram:/bin/sleep\nprogram:/usr/bin/yes\n");
	rig_load(&rig);
	host = rig_commit("run");
	round = rig_round(&rig, &host, 30);

	ck_assert_ptr_nonnull(round);
	ck_assert_int_eq(memcmp(round->facts[0]->value.data, "C.UTF-8\n", 8), 0);
	ck_assert_double_eq(value_of(round, "status"), 3);
	ck_assert_double_eq(value_of(round, "late"), ETIMEDOUT);
	ck_assert_double_eq(value_of(round, "much"), EFBIG);
	ck_assert_double_eq(value_of(round, "killed"), EINTR);
	ck_assert_double_eq(value_of(round, "absent"), ENOENT);
	rig_end(&host);
}
END_TEST

START_TEST(test_process_scan)
{
	struct plughost host;
	Host__Round *round;

	rig.records[0].procscan = 1;
	rig_load(&rig);
	host = rig_host(&rig, 0, 100);
	rig_configure(&host, 7, "processes", "service:procscan");
	for (uint64_t run = 1; run <= 3; run++) {
		rig_run(&host, 7, run);
		round = rig_round(&rig, &host, 30);
		ck_assert_ptr_nonnull(round);
		ck_assert_int_eq(round->outcome, WIRE__OUTCOME__OK);
		ck_assert_double_eq(value_of(round, "found"), geteuid() == 0 ? 2 : 1);
		ck_assert_double_ge(value_of(round, "processes"), 2);
	}
	rig_configure(&host, 7, "processes", NULL);	/* not granted to this check */
	rig_run(&host, 7, 9);
	ck_assert_int_eq(rig_round(&rig, &host, 30)->outcome, WIRE__OUTCOME__FAILED);
	rig_end(&host);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, test_p08_refused_in_words);
	tcase_add_test(tests, test_p08_changed_module);
	tcase_add_test(tests, test_reports_arrive_whole);
	tcase_add_test(tests, test_round_is_whole_or_not_at_all);
	tcase_add_test(tests, test_events_are_not_bounded_by_the_round);
	tcase_add_test(tests, test_wrong_option_is_a_problem);
	tcase_add_test(tests, test_watcher_is_heard_between_rounds);
	tcase_add_test(tests, test_programs);
	tcase_add_test(tests, test_process_scan);
}

int main(void)
{
	return rig_main("host: refusals, reports, services", add);
}
