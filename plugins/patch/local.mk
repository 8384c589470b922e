# plugins/patch
noinst_LTLIBRARIES += plugins/patch/libpatch.la
plugins_patch_libpatch_la_SOURCES = plugins/patch/updates.h plugins/patch/updates.c plugins/patch/pending.h plugins/patch/pending.c \
	plugins/patch/fingerprint.h plugins/patch/fingerprint.c plugins/patch/support.h plugins/patch/support.c \
	plugins/patch/reboot.h plugins/patch/reboot.c plugins/patch/history.h plugins/patch/history.c
plugins_patch_libpatch_la_CFLAGS = $(PLUGIN_CFLAGS)

plugin_LTLIBRARIES += plugins/patch/patch.la
plugins_patch_patch_la_SOURCES = plugins/patch/patch.h plugins/patch/patch.c plugins/patch/apt.c plugins/patch/dnf.c
plugins_patch_patch_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_patch_patch_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_patch_patch_la_LIBADD = plugins/patch/libpatch.la

dist_agentd_DATA += plugins/patch/patch.yaml
dist_pages_DATA += plugins/patch/patch.md

check_PROGRAMS += tests/unit/test_patch
TESTS += tests/unit/test_patch
tests_unit_test_patch_SOURCES = tests/unit/test_patch.c
tests_unit_test_patch_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_patch_LDADD = plugins/patch/libpatch.la $(CHECK_LIBS)
