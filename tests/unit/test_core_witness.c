/* The collector's journal, witnessed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/witness.h"
#include "lib/io.h"
#include "tests/unit/core_stage.h"

static const char *checkpoint(char chain, int number, char hash)
{
	static char line[512];
	char c[65] = "", h[65] = "", s[129] = "";

	memset(c, chain, 64);
	memset(h, hash, 64);
	memset(s, '0', 128);
	snprintf(line, sizeof(line), "checkpoint\t%s\t%d\t%s\t7\t%s", c, number, h, s);
	return line;
}

static void witness(struct witness *w, char chain, int number, char hash)
{
	const char *line = checkpoint(chain, number, hash);

	witness_take(w, line, strlen(line));
}

static unsigned lines_kept(const char *path)
{
	char *text;
	unsigned n = 0;

	if (io_read_file(path, 1 << 20, &text, NULL) < 0)
		return 0;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n++;
	free(text);
	return n;
}

START_TEST(test_a04_a_witness_keeps_what_it_was_shown)
{
	char path[256];
	struct witness *w = witness_open(folder);
	FILE *f;

	snprintf(path, sizeof(path), "%s/witness", folder);
	ck_assert_str_eq(witness_last(w), "");
	witness_take(w, "", 0);
	witness_take(w, "nonsense", 8);
	witness_take(w, "checkpoint\ta\t1\tb\t7\tc", 20);
	ck_assert_uint_eq(lines_kept(path), 0);
	witness(w, 'a', 4, 'b');
	witness(w, 'a', 4, 'b');		/* every heartbeat says it */
	witness(w, 'a', 9, 'c');
	ck_assert_uint_eq(lines_kept(path), 2);
	witness_free(w);
	f = fopen(path, "a");			/* power went while it was written */
	fputs("checkpoint\taaaa", f);
	fclose(f);
	w = witness_open(folder);
	ck_assert_str_eq(witness_last(w), checkpoint('a', 9, 'c'));
	witness(w, 'a', 12, 'd');
	witness(w, 'a', 4, 'b');		/* known: nothing new */
	ck_assert_uint_eq(lines_kept(path), 4);
	witness(w, 'a', 4, 'e');		/* another than was: kept beside it */
	witness(w, 'f', 1, 'e');		/* another journal */
	ck_assert_uint_eq(lines_kept(path), 6);
	witness_free(w);
	w = witness_open(folder);
	ck_assert_str_eq(witness_last(w), checkpoint('f', 1, 'e'));
	witness_free(w);
}
END_TEST

static void add(TCase *tc)
{
	T(test_a04_a_witness_keeps_what_it_was_shown);
}

int main(void)
{
	return suite_main("core, witness", setup, teardown, 120, add);
}
