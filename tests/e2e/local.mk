# tests/e2e: what its tests preload.
check_PROGRAMS += tests/e2e/faults.so
tests_e2e_faults_so_SOURCES = tests/e2e/faults.c
# Nothing of ours is linked in, and no sanitizer: it stands below them.
tests_e2e_faults_so_CFLAGS = $(AM_CFLAGS) -fno-sanitize=all -fvisibility=default
tests_e2e_faults_so_LDFLAGS = -shared
