#include "tests/unit/told.h"

#include <check.h>
#include <string.h>

char told[8192];

void expect_told(int line, const char *what)
{
	ck_assert_msg(strcmp(told, what) == 0, "line %d: told \"%s\", expected \"%s\"", line, told, what);
	told[0] = '\0';
}
