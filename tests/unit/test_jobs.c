/* test_jobs.c - who gets his turn when many want one (W4, N6). The one thread of the pool is held until a test lets go. */
#include <event2/event.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "collector/engine/jobs.h"
#include "test_engine.h"

#define PLACES 64

static struct event_base *loop;
static struct jobs *jobs;
static sem_t begun, let_go;
static char worked[8 * PLACES];		/* whose, in order */
static int refused[128];		/* by whose */
static int over;

struct test_job { struct job job; char whose; };

static void work(struct job *job, void *nothing)
{
	char whose = ((struct test_job *)job)->whose;

	if (whose == '.') {
		sem_post(&begun);
		sem_wait(&let_go);
		return;
	}
	worked[strlen(worked)] = whose;
}

static void done(struct job *job)
{
	refused[(unsigned char)((struct test_job *)job)->whose] += job->refused;
	over++;
	free(job);
}

static bool add(char whose, const char *from)
{
	struct test_job *t = calloc(1, sizeof(*t));

	*t = (struct test_job){.job = {.work = work, .done = done}, .whose = whose};
	if (jobs_add(jobs, &t->job, from))
		return true;
	free(t);
	return false;
}

static void setup(void)
{
	loop = event_base_new();
	jobs = jobs_new(loop, 1, NULL);
	sem_init(&begun, 0, 0);
	sem_init(&let_go, 0, 0);
	memset(worked, 0, sizeof(worked));
	memset(refused, 0, sizeof(refused));
	over = 0;
	ck_assert(add('.', "192.0.2.99"));
	sem_wait(&begun);
}

static void teardown(void)
{
	jobs_free(jobs);
	event_base_free(loop);
}

static void all_of_it(int n)
{
	sem_post(&let_go);
	while (over < n)
		event_base_loop(loop, EVLOOP_ONCE);
}

START_TEST(test_w04_one_address_cannot_shut_out_another_or_the_console)
{
	for (int i = 0; i < 10 * PLACES; i++)
		ck_assert_int_eq(add('a', "192.0.2.1"), i < PLACES);
	ck_assert(add('b', "192.0.2.2"));
	ck_assert(add('b', "192.0.2.2"));
	ck_assert(add('c', NULL));
	all_of_it(PLACES + 4);
	ck_assert_msg(!strncmp(worked, "cababa", 6), "%s", worked);
	ck_assert_int_eq(refused['a'], 3);
	ck_assert_int_eq(refused['b'] + refused['c'], 0);
	ck_assert_uint_eq(strlen(worked), PLACES);
}
END_TEST

START_TEST(test_w04_many_addresses_take_turns)
{
	char from[16] = "192.0.2.0";

	for (int k = 0; k < 4; k++)
		for (char whose = 'a'; whose < 'a' + PLACES / 4; whose++) {
			from[8] = whose;
			ck_assert(add(whose, from));
		}
	ck_assert(add('z', "192.0.2.z"));
	all_of_it(PLACES + 2);
	ck_assert_msg(!strncmp(worked, "abcdefghijklmnopzabcdefghijklmnop", 33), "%s", worked);
	ck_assert_int_eq(refused['p'], 1);
}
END_TEST

/* As many addresses as there are places: the next one waits outside, and nobody loses his place. */
START_TEST(test_w04_full_of_single_ones)
{
	char from[16] = "";

	for (char i = 0; i < PLACES; i++) {
		from[0] = (char)('!' + i);
		ck_assert(add('a', from));
	}
	ck_assert(!add('b', "another"));
	ck_assert(add('c', NULL));
	all_of_it(PLACES + 2);
	ck_assert_int_eq(worked[0], 'c');
	ck_assert_int_eq(refused['a'], 1);
}
END_TEST

TCase *jobs_tests(void)
{
	TCase *t = tcase_create("jobs");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_w04_one_address_cannot_shut_out_another_or_the_console);
	tcase_add_test(t, test_w04_many_addresses_take_turns);
	tcase_add_test(t, test_w04_full_of_single_ones);
	return t;
}
