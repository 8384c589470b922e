# tests/e2e: what its tests preload. Nothing of ours is linked in, and no sanitizer: it stands below them.
PRELOADED_CFLAGS = $(AM_CFLAGS) -fno-sanitize=all -fvisibility=default
check_PROGRAMS += tests/e2e/faults.so tests/e2e/clock.so
tests_e2e_faults_so_SOURCES = tests/e2e/faults.c
tests_e2e_faults_so_CFLAGS = $(PRELOADED_CFLAGS)
tests_e2e_faults_so_LDFLAGS = -shared
tests_e2e_clock_so_SOURCES = tests/e2e/clock.c
tests_e2e_clock_so_CFLAGS = $(PRELOADED_CFLAGS)
tests_e2e_clock_so_LDFLAGS = -shared
