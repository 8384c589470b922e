/* test_integrity.c - walk, hash, baseline and comparison on real files in a folder of the test's own. */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/integrity/compare.h"
#include "plugins/integrity/hash.h"
#include "plugins/integrity/reported.h"
#include "plugins/integrity/scan.h"
#include "tests/unit/folder.h"

static char folder[256], tree[300], baseline[300];

static const char *at(const char *name)
{
	static char paths[16][5000];
	static unsigned next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof(paths[0]), "%s/%s", tree, name);
	return path;
}

static void put_file(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void make_folder(const char *name)
{
	ck_assert_int_eq(mkdir(at(name), 0755), 0);
}

static void setup(void)
{
	char *real;

	strcpy(folder, "/tmp/beadle-integrity-XXXXXX");	/* where another user may enter: a build folder may be closed */
	ck_assert_ptr_nonnull(mkdtemp(folder));
	real = realpath(folder, NULL);
	snprintf(tree, sizeof(tree), "%s/tree", real);
	snprintf(baseline, sizeof(baseline), "%s/baseline", real);
	free(real);
	ck_assert_int_eq(mkdir(tree, 0755), 0);
}

static void teardown(void)
{
	folder_remove(folder);
}

/* ---- a scan, and what it told ---- */

static struct { char text[4096]; unsigned changes, problems; struct scan_counts counts; } told;

static int add_object(const struct object *object, void *writer)
{
	return baseline_add(writer, object);
}

static int add_change(const struct object *before, const struct object *after, unsigned differences, void *arg)
{
	char words[COMPARE_WORDS_MAX];
	size_t n = strlen(told.text);

	snprintf(told.text + n, sizeof(told.text) - n, "%c%s %s\n", !before ? '+' : !after ? '-' : '*',
		 (after ? after : before)->path + strlen(tree), compare_words(differences, words));
	told.changes++;
	return 0;
}

static void add_problem(int error, const char *path, void *arg)
{
	told.problems++;
}

static bool skip_logs(const char *path, void *arg)
{
	return strstr(path, ".log") != NULL;
}

static struct scan_options scan_options(const char *const *paths, size_t n)
{
	return (struct scan_options){
		.paths = paths, .paths_n = n, .filter = {skip_logs, NULL}, .max_size = 1 << 20, .threads = 2};
}

static void approve_with(const struct scan_options *options)
{
	struct scan_sink sink = {add_object, add_change, add_problem, NULL};
	struct baseline_writer *writer;
	struct baseline_facts facts;

	memset(&told, 0, sizeof(told));
	ck_assert_int_eq(baseline_create(&writer, baseline, 42), 0);
	sink.arg = writer;
	ck_assert_int_eq(scan_run(options, NULL, &sink, &told.counts), 0);
	ck_assert_int_eq(baseline_commit(writer, &facts), 0);
	ck_assert_uint_eq(told.changes, 0);
}

static const char *rescan_with(const struct scan_options *options)
{
	struct scan_sink sink = {NULL, add_change, add_problem, NULL};
	struct baseline_reader *reader;
	struct baseline_facts facts;

	memset(&told, 0, sizeof(told));
	ck_assert_int_eq(baseline_open(&reader, baseline, &facts), 0);
	ck_assert_int_eq(facts.made, 42);
	ck_assert_int_eq(scan_run(options, reader, &sink, &told.counts), 0);
	baseline_close(reader);
	return told.text;
}

static void approve(void)
{
	const char *path = tree;
	struct scan_options options = scan_options(&path, 1);

	approve_with(&options);
}

static const char *rescan(void)
{
	const char *path = tree;
	struct scan_options options = scan_options(&path, 1);

	return rescan_with(&options);
}

START_TEST(the_digest_is_the_usual_one)
{
	/* sha256 of "abc", FIPS 180-2 */
	static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
				      0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23};
	struct hasher *hasher;
	struct hash_job job = {.fd = -1};

	put_file("f", "abc");
	job.fd = open(at("f"), O_RDONLY);
	fstat(job.fd, &job.st);
	ck_assert_int_eq(hasher_new(&hasher, 2), 0);
	hasher_push(hasher, &job);
	hasher_wait(hasher, &job);
	hasher_free(hasher);
	ck_assert(job.error == 0 && !job.unstable && memcmp(job.sha256, abc, sizeof(abc)) == 0);
}
END_TEST

static void *keep_writing(void *arg)
{
	int *fd = arg;

	while (pwrite(*fd, "x", 1, 0) == 1)
		;
	return NULL;
}

START_TEST(a_file_that_keeps_changing_is_marked)
{
	struct hasher *hasher;
	struct hash_job job = {.fd = -1};
	int fd = open(at("busy"), O_RDWR | O_CREAT, 0644), writing = dup(fd), closed;
	pthread_t thread;

	ck_assert_int_eq(ftruncate(fd, 64 << 20), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, keep_writing, &writing), 0);
	while (fstat(fd, &job.st) == 0 && job.st.st_blocks == 0)	/* until the thread writes */
		;
	job.fd = fd;
	ck_assert_int_eq(hasher_new(&hasher, 1), 0);
	hasher_push(hasher, &job);
	hasher_wait(hasher, &job);
	hasher_free(hasher);
	closed = open("/dev/full", O_WRONLY);
	dup2(closed, writing);	/* ends the thread */
	pthread_join(thread, NULL);
	close(closed);
	close(writing);
	ck_assert(job.unstable && job.error == 0);
}
END_TEST

START_TEST(each_kind_of_change_is_told)
{
	make_folder("a");
	put_file("a/changed", "one");
	put_file("a/same-size", "one");
	put_file("a.b", "x");
	put_file("gone", "x");
	put_file("mode", "x");
	put_file("setuid", "x");
	put_file("type", "x");
	put_file("touched", "x");
	put_file("noise.log", "x");
	ck_assert_int_eq(symlink("there", at("link")), 0);
	ck_assert_int_eq(symlink("/nowhere", at("dangling")), 0);
	ck_assert_int_eq(mkfifo(at("pipe"), 0600), 0);
	ck_assert_int_eq(link(at("a.b"), at("hard")), 0);
	approve();
	ck_assert_uint_eq(told.counts.objects, 14);	/* with the folder itself, without the log */
	ck_assert_str_eq(rescan(), "");
	ck_assert_uint_eq(told.counts.hashed, 0);	/* nothing was touched, nothing is read */

	put_file("a/changed", "other");
	put_file("a/same-size", "two");
	put_file("a/new", "x");
	put_file("noise.log", "more");
	put_file("touched", "x");
	unlink(at("gone"));
	chmod(at("mode"), 0600);
	chmod(at("setuid"), 04755);
	unlink(at("type"));
	ck_assert_int_eq(symlink("type", at("type")), 0);
	unlink(at("link"));
	ck_assert_int_eq(symlink("elsewhere", at("link")), 0);
	put_file("hard", "y");		/* both its names changed */
	ck_assert_str_eq(rescan(),
			 "*/a/changed content\n+/a/new \n*/a/same-size content\n*/a.b content\n-/gone \n"
			 "*/hard content\n*/link link\n*/mode mode\n*/setuid mode, setuid\n*/type type, mode, link\n");
	ck_assert_uint_eq(told.counts.unreadable, 0);
}
END_TEST

START_TEST(content_changed_behind_equal_times_is_found_when_asked)
{
	const char *path = tree;
	struct scan_options options = scan_options(&path, 1);
	struct baseline_reader *reader;
	struct baseline_writer *writer;
	struct baseline_facts facts;
	struct object *object;

	put_file("f", "x");
	approve();
	/* ctime cannot be set back, so the baseline is told another digest of the same file */
	ck_assert_int_eq(baseline_open(&reader, baseline, &facts), 0);
	ck_assert_int_eq(baseline_create(&writer, baseline, 42), 0);
	while (baseline_next(reader, &object) == 0 && object) {
		object->sha256[0] ^= 1;
		ck_assert_int_eq(baseline_add(writer, object), 0);
		free(object);
	}
	baseline_close(reader);
	ck_assert_int_eq(baseline_commit(writer, &facts), 0);
	ck_assert_str_eq(rescan_with(&options), "");
	options.rehash = true;
	ck_assert_str_eq(rescan_with(&options), "*/f content\n");
}
END_TEST

START_TEST(names_are_bytes)
{
	put_file("new\nline", "x");
	put_file("\xff\xfe", "x");
	put_file("-rf *", "x");
	approve();
	put_file("\xff\xfe", "y");
	unlink(at("new\nline"));
	ck_assert_str_eq(rescan(), "-/new\nline \n*/\xff\xfe content\n");
}
END_TEST

START_TEST(a_closed_folder_is_no_removal)
{
	if (geteuid() == 0)	/* root reads all: be somebody else */
		ck_assert(chown(tree, 65534, 65534) == 0 && chown(folder, 65534, 65534) == 0 && seteuid(65534) == 0);
	make_folder("shut");
	put_file("shut/f", "x");
	put_file("shut/g", "x");
	put_file("dark", "x");
	put_file("z", "x");
	approve();
	chmod(at("shut"), 0);
	chmod(at("dark"), 0);
	unlink(at("z"));
	ck_assert_str_eq(rescan(), "*/dark mode\n*/shut mode\n-/z \n");
	ck_assert_uint_ge(told.problems, 1);
	chmod(at("shut"), 0755);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(links_are_not_followed)
{
	const char *paths[] = {at("through/real")};
	struct scan_options options = scan_options(paths, 1);

	make_folder("elsewhere");
	make_folder("elsewhere/real");
	put_file("elsewhere/real/f", "x");
	ck_assert_int_eq(symlink("elsewhere", at("through")), 0);
	approve_with(&options);
	ck_assert_uint_eq(told.counts.objects, 0);
	ck_assert_uint_eq(told.problems, 1);
}
END_TEST

START_TEST(paths_within_paths_are_walked_once)
{
	const char *all[] = {at("a/b"), at("a"), at("a/b/"), at("c//d")};
	struct scan_options options = scan_options(all, 4);
	const char *bad = "relative/x", *winding = "/usr/../etc";
	struct walk *walk;

	make_folder("a");
	make_folder("a/b");
	make_folder("c");
	make_folder("c/d");
	put_file("a/b/f", "x");
	put_file("c/not", "x");
	put_file("c/d/f", "x");
	approve_with(&options);
	ck_assert_uint_eq(told.counts.objects, 5);	/* a, a/b, a/b/f, c/d, c/d/f */
	ck_assert_str_eq(rescan_with(&options), "");
	ck_assert_int_eq(walk_open(&walk, &bad, 1, false, (struct walk_filter){0}), -EINVAL);
	ck_assert_int_eq(walk_open(&walk, &winding, 1, false, (struct walk_filter){0}), -EINVAL);
}
END_TEST

START_TEST(a_removed_path_is_removed)
{
	const char *paths[] = {at("srv/www")};
	struct scan_options options = scan_options(paths, 1);

	make_folder("srv");
	make_folder("srv/www");
	put_file("srv/www/index", "x");
	approve_with(&options);
	unlink(at("srv/www/index"));
	rmdir(at("srv/www"));
	ck_assert_str_eq(rescan_with(&options), "-/srv/www \n-/srv/www/index \n");
}
END_TEST

START_TEST(deep_trees_are_told_and_end)
{
	char path[OBJECT_PATH_MAX] = "d";

	for (int i = 0; i < WALK_DEPTH_MAX + 10; i++) {
		make_folder(path);
		strcat(path, "/d");
	}
	approve();
	ck_assert_uint_eq(told.problems, 1);
	ck_assert_uint_lt(told.counts.objects, WALK_DEPTH_MAX);
	ck_assert_str_eq(rescan(), "");
}
END_TEST

START_TEST(large_and_sparse_files_are_known_by_size)
{
	put_file("sparse", "x");
	ck_assert_int_eq(truncate(at("sparse"), (off_t)1 << 40), 0);
	approve();
	ck_assert_uint_eq(told.counts.large, 1);
	ck_assert_str_eq(rescan(), "");
	ck_assert_int_eq(truncate(at("sparse"), ((off_t)1 << 40) + 1), 0);
	ck_assert_str_eq(rescan(), "*/sparse content\n");
}
END_TEST

START_TEST(a_damaged_baseline_is_not_used)
{
	struct baseline_reader *reader;
	struct baseline_facts facts;
	struct stat st;
	char byte;
	int fd;

	put_file("f", "x");
	approve();
	fd = open(baseline, O_RDWR);
	fstat(fd, &st);
	for (off_t i = 0; i < st.st_size; i++) {
		ck_assert_int_eq(pread(fd, &byte, 1, i), 1);
		byte ^= 0x10;
		ck_assert_int_eq(pwrite(fd, &byte, 1, i), 1);
		ck_assert_int_eq(baseline_open(&reader, baseline, &facts), -EBADMSG);
		byte ^= 0x10;
		ck_assert_int_eq(pwrite(fd, &byte, 1, i), 1);
	}
	for (off_t i = st.st_size - 1; i >= 0; i -= 7) {
		ck_assert_int_eq(ftruncate(fd, i), 0);
		ck_assert_int_eq(baseline_open(&reader, baseline, &facts), -EBADMSG);
	}
	close(fd);
	unlink(baseline);
	ck_assert_int_eq(baseline_open(&reader, baseline, &facts), -ENOENT);
}
END_TEST

/* Random trees and random changes: the merge of walk and baseline against a plain model of sets. */
START_TEST(random_trees_against_a_model)
{
	enum { N = 60 };
	static const char *const parts[] = {"a", "a.b", "a-", "b", "B"};
	bool before[N], after[N];
	char names[N][32];
	unsigned expected;

	srand((unsigned)_i);
	for (size_t i = 0; i < 5; i++)
		make_folder(parts[i]);
	for (int i = 0; i < N; i++)
		snprintf(names[i], sizeof(names[i]), "%s/%c%d", parts[rand() % 5], "aB.-_"[rand() % 5], i);
	for (int i = 0; i < N; i++)
		if ((before[i] = rand() & 1))
			put_file(names[i], "x");
	approve();
	expected = 0;
	for (int i = 0; i < N; i++) {
		after[i] = rand() & 1;
		expected += before[i] != after[i];
		if (after[i] && !before[i])
			put_file(names[i], "x");
		if (before[i] && !after[i])
			unlink(at(names[i]));
	}
	rescan();
	ck_assert_uint_eq(told.changes, expected);
	for (int i = 0; i < N; i++) {
		char line[64];
		snprintf(line, sizeof(line), "%c/%.31s \n", after[i] ? '+' : '-', names[i]);
		ck_assert_int_eq(before[i] != after[i], strstr(told.text, line) != NULL);
	}
}
END_TEST

START_TEST(what_was_told_is_remembered)
{
	struct reported set = {0}, again = {0};
	uint8_t id[COMPARE_ID] = {0};
	FILE *file;

	for (int i = 0; i < 500; i++) {
		id[0] = (uint8_t)(i * 37);
		id[1] = (uint8_t)(i >> 2);
		ck_assert_int_eq(reported_add(&set, id), 0);
	}
	file = fopen(at("told"), "we");
	ck_assert_uint_eq(fwrite(set.at, COMPARE_ID, set.n, file), 500);
	fclose(file);
	reported_load(&again, at("told"));
	ck_assert_uint_eq(again.n, 500);
	ck_assert(reported_has(&again, set.at[0]) && reported_has(&again, set.at[499]));
	memset(id, 0xff, sizeof(id));
	ck_assert(!reported_has(&again, id));
	reported_clear(&set);
	reported_clear(&again);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("integrity");
	TCase *tc = tcase_create("scan");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_digest_is_the_usual_one);
	tcase_add_test(tc, a_file_that_keeps_changing_is_marked);
	tcase_add_test(tc, each_kind_of_change_is_told);
	tcase_add_test(tc, content_changed_behind_equal_times_is_found_when_asked);
	tcase_add_test(tc, names_are_bytes);
	tcase_add_test(tc, a_closed_folder_is_no_removal);
	tcase_add_test(tc, links_are_not_followed);
	tcase_add_test(tc, paths_within_paths_are_walked_once);
	tcase_add_test(tc, a_removed_path_is_removed);
	tcase_add_test(tc, deep_trees_are_told_and_end);
	tcase_add_test(tc, large_and_sparse_files_are_known_by_size);
	tcase_add_test(tc, a_damaged_baseline_is_not_used);
	tcase_add_loop_test(tc, random_trees_against_a_model, 0, 10);
	tcase_add_test(tc, what_was_told_is_remembered);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
