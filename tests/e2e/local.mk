# tests/e2e: what its tests preload.
check_LTLIBRARIES += tests/e2e/faults.la
tests_e2e_faults_la_SOURCES = tests/e2e/faults.c
# Nothing of ours is linked in, and no sanitizer: it stands below them.
tests_e2e_faults_la_CFLAGS = $(AM_CFLAGS) -fno-sanitize=all -fvisibility=default
tests_e2e_faults_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
