#include "config.h"

#include "tests/unit/rig.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "lib/program.h"
#include "tests/unit/folder.h"

#define PATIENCE_MS 20000

struct rig rig;
struct plughost rig_good;
pid_t rig_parent;

static void become_template(int launcher, int core)
{
	char path[PROGRAM_PATH];

	launcher = fcntl(launcher, F_DUPFD, 10);
	core = fcntl(core, F_DUPFD, 10);
	dup2(launcher, 3);
	dup2(core, 4);
	close_range(5, ~0U, 0);
	program_path("agent/host/beadle-host", path);
	execve(path, (char *[]){(char *)"beadle-host", (char *)"template", NULL}, program_environment());
	_exit(127);
}

void rig_start(struct rig *at)
{
	int launcher[2], core[2];

	*at = (struct rig){.arena = arena_new(64u << 20)};
	strcpy(at->state, "/tmp/beadle-rig-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(at->state));
	ck_assert_int_eq(chmod(at->state, 0711), 0);
	ck_assert_int_eq(io_pair(SOCK_SEQPACKET, launcher), 0);
	ck_assert_int_eq(io_pair(SOCK_SEQPACKET, core), 0);
	at->template = fork();
	if (at->template == 0)
		become_template(launcher[1], core[1]);
	close(launcher[1]);
	close(core[1]);
	at->launcher = launcher[0];
	at->core = core[0];
}

void rig_stop(struct rig *at)
{
	int status = -1;

	close(at->launcher);
	close(at->core);
	for (int i = 0; i < 1000 && waitpid(at->template, &status, WNOHANG) == 0; i++)
		poll(NULL, 0, 10);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "template: status %x", status);
	arena_free(at->arena);
	folder_remove(at->state);
}

struct plugin_record *rig_record(struct rig *at, const char *name)
{
	struct plugin_record *r = &at->records[at->n];

	*r = (struct plugin_record){
		.index = at->n, .memory = 256 << 20, .file_size = 1 << 20, .processes = 16, .files = 64};
	if (geteuid() == 0)
		r->uid = r->gid = RIG_USER + at->n;
	snprintf(r->name, sizeof(r->name), "%s", name);
	snprintf(r->module, sizeof(r->module), "%s/tests/plugins/bad/%s.so", getenv("BEADLE_LIBEXEC"), name);
	snprintf(r->state, sizeof(r->state), "%s/%u", at->state, at->n);
	at->n++;
	return r;
}

void rig_load(struct rig *at)
{
	struct template_load load = {.count = at->n}, answer;

	ck_assert_int_eq(io_send(at->launcher, &load, sizeof(load), -1), 0);
	for (uint32_t i = 0; i < at->n; i++)
		ck_assert_int_eq(io_send(at->launcher, &at->records[i], sizeof(at->records[i]), -1), 0);
	ck_assert_int_eq(io_receive(at->launcher, &answer, sizeof(answer), NULL), sizeof(answer));
	ck_assert_uint_eq(answer.count, at->n);
}

void rig_ask(struct rig *at, uint32_t what, uint32_t index, uint32_t serial)
{
	struct template_ask ask = {what, index, serial};

	ck_assert_int_eq(io_send(at->core, &ask, sizeof(ask), -1), 0);
}

struct template_tell rig_tell(struct rig *at, int *ret_fd)
{
	struct pollfd pfd = {.fd = at->core, .events = POLLIN};
	struct template_tell t;

	ck_assert_msg(poll(&pfd, 1, PATIENCE_MS) == 1, "the template says nothing");
	ck_assert_int_eq(io_receive(at->core, &t, sizeof(t), ret_fd), sizeof(t));
	return t;
}

struct template_tell rig_ended(struct rig *at)
{
	struct template_tell t = rig_tell(at, NULL);

	ck_assert_uint_eq(t.what, TEMPLATE_ENDED);
	return t;
}

struct plughost rig_host(struct rig *at, uint32_t index, uint32_t serial)
{
	struct plughost host;
	struct template_tell t;

	rig_ask(at, TEMPLATE_START, index, serial);
	t = rig_tell(at, &host.socket);
	ck_assert_msg(t.what == TEMPLATE_STARTED, "not started: %s", t.why);
	ck_assert_uint_eq(t.serial, serial);
	ck_assert_int_ge(host.socket, 0);
	host.pid = t.pid;
	return host;
}

void rig_configure(struct plughost *host, uint32_t check, const char *misdeed, const char *grant)
{
	Host__ToHost m = HOST__TO_HOST__INIT;
	Host__Configure c = HOST__CONFIGURE__INIT;
	Host__Option option = HOST__OPTION__INIT, *options = &option;

	option.name = (char *)"misdeed";
	option.value = (ProtobufCBinaryData){.data = (uint8_t *)misdeed, .len = misdeed ? strlen(misdeed) : 0};
	c.check = check;
	c.name = (char *)"test";
	c.n_options = misdeed != NULL;
	c.options = &options;
	c.n_granted = grant != NULL;
	c.granted = (char **)&grant;
	m.message_case = HOST__TO_HOST__MESSAGE_CONFIGURE;
	m.configure = &c;
	ck_assert_int_eq(plughost_send(host, &m), 0);
}

void rig_run(struct plughost *host, uint32_t check, uint64_t run)
{
	Host__ToHost m = HOST__TO_HOST__INIT;
	Host__Run r = HOST__RUN__INIT;

	r.check = check;
	r.run = run;
	m.message_case = HOST__TO_HOST__MESSAGE_RUN;
	m.run = &r;
	ck_assert_int_eq(plughost_send(host, &m), 0);
}

Host__FromHost *rig_message(struct rig *at, struct plughost *host, double seconds, int *ret_error)
{
	Host__FromHost *m = NULL;
	int r = plughost_receive(host, clock_boot() + (int64_t)(seconds * 1e9), at->arena, &m);

	if (ret_error)
		*ret_error = r < 0 ? r : 0;
	return r > 0 ? m : NULL;
}

Host__Round *rig_round(struct rig *at, struct plughost *host, double seconds)
{
	Host__FromHost *m;

	while ((m = rig_message(at, host, seconds, NULL)))
		if (m->message_case == HOST__FROM_HOST__MESSAGE_ROUND)
			return m->round;
	return NULL;
}

void rig_still_serves(struct rig *at, struct plughost *good)
{
	static uint64_t run = 1000;
	Host__Round *round;

	rig_run(good, 1, ++run);
	round = rig_round(at, good, 20);
	ck_assert_ptr_nonnull(round);
	ck_assert_uint_eq(round->run, run);
	ck_assert_int_eq(round->outcome, WIRE__OUTCOME__OK);
	ck_assert_uint_eq(round->n_values, 1);
}

static void setup(void)
{
	rig_start(&rig);
	rig_record(&rig, "bad");
	rig_record(&rig, "bad");
	rig_load(&rig);
	rig_good = rig_host(&rig, 1, 1);
	rig_configure(&rig_good, 1, "none", NULL);
}

static void teardown(void)
{
	rig_still_serves(&rig, &rig_good);
	close(rig_good.socket);
	ck_assert_int_eq(rig_ended(&rig).status, 0);
	rig_stop(&rig);
}

struct plughost rig_commit(const char *misdeed)
{
	struct plughost host = rig_host(&rig, 0, 100);

	rig_configure(&host, 7, misdeed, NULL);
	rig_run(&host, 7, 1);
	return host;
}

void rig_end(struct plughost *host)
{
	close(host->socket);
	ck_assert_int_eq(rig_ended(&rig).status, 0);
}

int rig_main(const char *name, void (*add)(TCase *))
{
	Suite *suite = suite_create(name);
	TCase *tests = tcase_create("template and hosts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 180);
	add(tests);
	suite_add_tcase(suite, tests);
	rig_parent = getpid();
	setenv("BEADLE_LIBEXEC", BUILD_TREE, 1);
	setenv("BEADLE_WALLS", "kill", 1);	/* what no plugin of ours does shows at once */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
