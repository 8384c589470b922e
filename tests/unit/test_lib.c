/* lib/: text, configuration, frames, arena, io, crc, unit. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "base64.h"
#include "clock.h"
#include "conf.h"
#include "crc32c.h"
#include "frame.h"
#include "io.h"
#include "log.h"
#include "problem.h"
#include "proto/beadle.pb-c.h"
#include "text.h"
#include "unit.h"
#include "vec.h"

START_TEST(numbers_are_read_whole_or_not_at_all)
{
	int64_t i = 7;
	double d = 7;

	ck_assert_int_eq(text_int("-9223372036854775808", &i), 0);
	ck_assert_int_eq(i, INT64_MIN);
	ck_assert_int_eq(text_int("9223372036854775808", &i), -ERANGE);
	ck_assert_int_eq(text_int("", &i), -EINVAL);
	ck_assert_int_eq(text_int("12 ", &i), -EINVAL);
	ck_assert_int_eq(i, INT64_MIN);
	ck_assert_int_eq(text_double("0.85", &d), 0);
	ck_assert_double_eq(d, 0.85);
	ck_assert_int_eq(text_double("0x10", &d), -EINVAL);
	ck_assert_int_eq(text_double("nan", &d), -EINVAL);
	ck_assert_int_eq(text_double("1e999", &d), -ERANGE);
	ck_assert_int_eq(text_double(" 1", &d), -EINVAL);
	ck_assert_double_eq(d, 0.85);
}
END_TEST

START_TEST(base64_is_strict)
{
	static const char *const bad[] = {"A", "AAAAA", "AB", "AA==", "AA A", "AA+/", "AA\n", "AAB"};
	uint8_t data[70], *back;
	size_t n;

	for (size_t i = 0; i < sizeof(data); i++) {
		char *text;

		data[i] = (uint8_t)(i * 37);
		text = base64_write(data, i);
		ck_assert_uint_eq(strlen(text), (i * 4 + 2) / 3);
		ck_assert_int_eq(base64_read(text, &back, &n), 0);
		ck_assert_uint_eq(n, i);
		ck_assert_int_eq(memcmp(data, back, n), 0);
		free(text);
		free(back);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(base64_read(bad[i], &back, &n) == -EINVAL, "%s", bad[i]);
}
END_TEST

START_TEST(durations_and_sizes_need_their_unit)
{
	int64_t ns = 0;
	uint64_t b = 0;

	ck_assert_int_eq(text_duration("15min", &ns), 0);
	ck_assert_int_eq(ns, 900 * NS_PER_S);
	ck_assert_int_eq(text_duration("1.5h", &ns), 0);
	ck_assert_int_eq(ns, 5400 * NS_PER_S);
	ck_assert_int_eq(text_duration("0", &ns), 0);
	ck_assert_int_eq(text_duration("60", &ns), -EINVAL);
	ck_assert_int_eq(text_duration("-1s", &ns), -ERANGE);
	ck_assert_int_eq(text_duration("400000d", &ns), -ERANGE);
	ck_assert_int_eq(text_size("64KiB", &b), 0);
	ck_assert_uint_eq(b, 65536);
	ck_assert_int_eq(text_size("64K", &b), -EINVAL);
}
END_TEST

START_TEST(short_forms_are_for_people)
{
	char buf[64];

	ck_assert_str_eq(text_put_duration(36 * 3600 * NS_PER_S, buf), "36 h");
	ck_assert_str_eq(text_put_duration(3 * 86400 * NS_PER_S, buf), "3 d");
	ck_assert_str_eq(text_put_duration(1500 * NS_PER_MS, buf), "1.5 s");
	ck_assert_str_eq(text_put_size(3.2 * 1024 * 1024, buf), "3.2 MiB");
	ck_assert_str_eq(unit_put(0.853, "ratio", buf, sizeof(buf)), "85.3 %");
	ck_assert_str_eq(unit_put(1, "boolean", buf, sizeof(buf)), "yes");
}
END_TEST

START_TEST(bounds_are_written_with_their_units)
{
	double d = 0;

	ck_assert_int_eq(unit_parse("85 %", "ratio", &d), 0);
	ck_assert_double_eq_tol(d, 0.85, 1e-12);
	ck_assert_int_eq(unit_parse("0.85", "ratio", &d), 0);
	ck_assert_double_eq_tol(d, 0.85, 1e-12);
	ck_assert_int_eq(unit_parse("24 h", "seconds", &d), 0);
	ck_assert_double_eq(d, 86400);
	ck_assert_int_eq(unit_parse("-1 d", "seconds", &d), 0);
	ck_assert_double_eq(d, -86400);
	ck_assert_int_eq(unit_parse("85 %", "seconds", &d), -EINVAL);
	ck_assert_int_eq(unit_parse("24 h", "ratio", &d), -EINVAL);
	ck_assert_int_eq(unit_parse("85", "bytes", &d), -EINVAL);
	ck_assert(unit_known("per_second") && !unit_known("percent"));
}
END_TEST

START_TEST(hostile_bytes_become_one_line)
{
	char buf[64];

	ck_assert_str_eq(text_escape("a\nb\x1b[2J", 7, buf, sizeof(buf)), "a\\x0ab\\x1b[2J");
	ck_assert_str_eq(text_escape("磁碟", 6, buf, sizeof(buf)), "磁碟");
	ck_assert_str_eq(text_escape("\xe2\x80\xae", 3, buf, sizeof(buf)), "\\xe2\\x80\\xae");	/* right-to-left override */
	ck_assert_str_eq(text_escape("\xff", 1, buf, sizeof(buf)), "\\xff");
	ck_assert_str_eq(text_escape("0123456789", 10, buf, 8), "0123...");
	ck_assert(text_utf8("磁", 3) && !text_utf8("\xed\xa0\x80", 3) && !text_utf8("\xc0\x80", 2));
}
END_TEST

START_TEST(any_bytes_fit_any_room)
{
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		unsigned char in[24];
		char out[40];
		size_t n = (size_t)rand_r(&seed) % sizeof(in), room = 1 + (size_t)rand_r(&seed) % (sizeof(out) - 1);

		for (size_t i = 0; i < n; i++)
			in[i] = (unsigned char)rand_r(&seed);
		memset(out, 0x55, sizeof(out));
		text_escape(in, n, out, room);
		ck_assert_uint_lt(strlen(out), room);
		ck_assert(text_utf8(out, strlen(out)));
		ck_assert_int_eq(out[room], 0x55);
	}
}
END_TEST

START_TEST(a_mail_address_is_plain_or_none)
{
	static const char *const good[] = {"a@b", "chen.wang+x@mail.school.example", "o'neil@x.example"};
	static const char *const bad[] = {"", "a", "@b", "a@", "a b@c", "a@b c", "a@b\n", "<a@b>", "a@b,c@d", ".a@b", "a.@b", "a..b@c",
		"-a@b", "a@-b", "a@.b", "a@b@c", "\"a\"@b", "陳@b"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(text_mail_address(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!text_mail_address(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(a_misspelt_name_finds_its_neighbour)
{
	const char *const names[] = {"interval", "timeout", "plugin"};

	ck_assert_str_eq(text_nearest("intreval", names, 3), "interval");
	ck_assert_ptr_null(text_nearest("zebra", names, 3));
}
END_TEST

static struct conf *parse(const char *text, struct problems *p)
{
	return conf_parse(text, strlen(text), "t.yaml", p);
}

START_TEST(all_errors_are_told_in_one_run)
{
	struct problems *p = problems_new();
	struct conf *c = parse("interval: 5\ntimeuot: 3s\nlist: x\nname: [a]\nname: b\n", p);
	const struct conf_node *root = conf_root(c);
	const char *name;
	int64_t ns;

	conf_duration(root, "interval", 60 * NS_PER_S, NS_PER_S, 86400 * NS_PER_S, &ns, p);
	ck_assert_int_eq(ns, 60 * NS_PER_S);
	conf_duration(root, "timeout", NS_PER_S, 0, INT64_MAX, &ns, p);
	conf_list(root, "list", p);
	conf_string(root, "name", NULL, &name, p);
	conf_done(root, p);
	ck_assert_uint_eq(problems_count(p), 5);
	ck_assert_str_eq(problems_get(p, 0), "t.yaml:5: name: is here twice: first in line 4");
	ck_assert_str_eq(problems_get(p, 1),
			 "t.yaml:1: interval: \"5\": expected a duration from 1 s to 24 h (500ms, 90s, 15min, 24h, 7d)");
	ck_assert_str_eq(problems_get(p, 4), "t.yaml:2: timeuot: is not known here (did you mean \"timeout\"?)");
	conf_free(c);
	problems_free(p);
}
END_TEST

START_TEST(only_the_strict_subset_is_yaml_here)
{
	static const char *const refused[] = {"a: &x 1\nb: *x\n", "a: !!int 1\n", "--- \na: 1\n---\nb: 2\n", "- a\n", "text\n",
		"a: [1\n", "? {a: b}\n: c\n", "a: \"x\\0y\"\n", "\xff\xfe",
		"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: 1}}}}}}}}}}}}}}}}\n"};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct problems *p = problems_new();
		struct conf *c = parse(refused[i], p);

		ck_assert_msg(problems_count(p) >= 1, "taken: %s", refused[i]);
		ck_assert_uint_eq(conf_count(conf_root(c)), 0);
		conf_free(c);
		problems_free(p);
	}
}
END_TEST

START_TEST(frames_are_refused_by_their_length)
{
	static const struct { uint8_t head[4]; size_t n; int64_t want; } cases[] = {
		{{0, 0, 0, 0}, 4, -EMSGSIZE}, {{0, 0, 0, 1}, 4, 5}, {{0, 16, 0, 0}, 4, (1 << 20) + 4}, {{0, 16, 0, 1}, 4, -EMSGSIZE},
		{{0x80, 0, 0, 0}, 4, -EMSGSIZE}, {{0xff, 0xff, 0xff, 0xff}, 4, -EMSGSIZE}, {{0, 0, 0, 1}, 3, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(frame_size(cases[i].head, cases[i].n, FRAME_MAX), cases[i].want);
}
END_TEST

START_TEST(a_frame_comes_back_as_it_was)
{
	struct arena *a = arena_new(1 << 20);
	Wire__Ack ack = WIRE__ACK__INIT, *back;
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	ProtobufCMessage *m;
	int pair[2];

	ack.epoch = 0x0123456789abcdef;
	ack.through = 42;
	e.message_case = WIRE__ENVELOPE__MESSAGE_ACK;
	e.ack = &ack;
	ck_assert_int_eq(io_pair(SOCK_STREAM, pair), 0);
	ck_assert_int_eq(frame_write(pair[0], &e.base), 0);
	close(pair[0]);
	ck_assert_int_eq(frame_read(pair[1], &wire__envelope__descriptor, FRAME_MAX, a, &m), 1);
	back = ((Wire__Envelope *)m)->ack;
	ck_assert_uint_eq(back->epoch, ack.epoch);
	ck_assert_uint_eq(back->through, 42);
	ck_assert_int_eq(frame_read(pair[1], &wire__envelope__descriptor, FRAME_MAX, a, &m), 0);
	close(pair[1]);
	arena_free(a);
}
END_TEST

START_TEST(an_arena_has_a_ceiling)
{
	struct arena *a = arena_new(100000);
	char *first = arena_take(a, 1000);

	ck_assert_ptr_nonnull(first);
	memset(first, 1, 1000);
	for (int i = 0; i < 90; i++)
		memset(arena_take(a, 1000), 2, 1000);
	ck_assert_ptr_null(arena_take(a, 20000));
	ck_assert_ptr_null(arena_take(a, SIZE_MAX));
	ck_assert_int_eq(first[999], 1);
	arena_reset(a);
	ck_assert_ptr_eq(arena_take(a, 10), first);
	arena_trim(a);
	ck_assert_ptr_nonnull(arena_take(a, 100000));
	arena_free(a);
}
END_TEST

START_TEST(a_file_is_replaced_whole)
{
	char folder[] = "/tmp/beadle-io-XXXXXX", path[64], *text;
	struct stat st;
	size_t n;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a/b", folder);
	umask(077);
	ck_assert_int_eq(io_make_folders(path, 0711), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0711);	/* of a service's umask nothing is seen */
	snprintf(path, sizeof(path), "%s/a/b/file", folder);
	ck_assert_int_eq(io_replace_file(path, "one", 3, 0600), 0);
	ck_assert_int_eq(io_replace_file(path, "second", 6, 0600), 0);
	ck_assert_int_eq(io_read_file(path, 100, &text, &n), 0);
	ck_assert_str_eq(text, "second");
	free(text);
	ck_assert_int_eq(io_read_file(path, 5, &text, &n), -EFBIG);
	unlink(path);
	snprintf(path, sizeof(path), "%s/a/b", folder);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a", folder);
	rmdir(path);
	rmdir(folder);
}
END_TEST

START_TEST(a_descriptor_travels)
{
	int pair[2], got = -1;
	char buf[8];

	ck_assert_int_eq(io_pair(SOCK_SEQPACKET, pair), 0);
	ck_assert_int_eq(io_send(pair[0], "fd", 2, STDIN_FILENO), 0);
	ck_assert_int_eq(io_receive(pair[1], buf, sizeof(buf), &got), 2);
	ck_assert_int_ge(got, 0);
	ck_assert(fcntl(got, F_GETFD) & FD_CLOEXEC);
	close(got);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(crc_is_rfc_3720s)
{
	unsigned char zeros[32] = {0}, ones[32];

	memset(ones, 0xff, sizeof(ones));
	ck_assert_uint_eq(crc32c(0, zeros, 32), 0x8a9136aa);	/* B.4 */
	ck_assert_uint_eq(crc32c(0, ones, 32), 0x62a8ab43);
	ck_assert_uint_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}
END_TEST

static void keep_line(enum log_level level, const char *line, void *arg)
{
	snprintf(arg, 128, "%d %s", level, line);
}

START_TEST(a_log_line_stays_a_line)
{
	char got[128];

	log_capture(keep_line, got);
	log_warning("name %s", "a\nb");
	log_capture(NULL, NULL);
	ck_assert_str_eq(got, "4 name a\\x0ab");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib");
	TCase *t = tcase_create("lib");
	SRunner *r;
	int failed;

	tcase_add_test(t, numbers_are_read_whole_or_not_at_all);
	tcase_add_test(t, base64_is_strict);
	tcase_add_test(t, durations_and_sizes_need_their_unit);
	tcase_add_test(t, short_forms_are_for_people);
	tcase_add_test(t, bounds_are_written_with_their_units);
	tcase_add_test(t, hostile_bytes_become_one_line);
	tcase_add_test(t, any_bytes_fit_any_room);
	tcase_add_test(t, a_mail_address_is_plain_or_none);
	tcase_add_test(t, a_misspelt_name_finds_its_neighbour);
	tcase_add_test(t, all_errors_are_told_in_one_run);
	tcase_add_test(t, only_the_strict_subset_is_yaml_here);
	tcase_add_test(t, frames_are_refused_by_their_length);
	tcase_add_test(t, a_frame_comes_back_as_it_was);
	tcase_add_test(t, an_arena_has_a_ceiling);
	tcase_add_test(t, a_file_is_replaced_whole);
	tcase_add_test(t, a_descriptor_travels);
	tcase_add_test(t, crc_is_rfc_3720s);
	tcase_add_test(t, a_log_line_stays_a_line);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
