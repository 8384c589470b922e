# agent/host: the plugins' side of include/beadle/, and the template that forks it.
noinst_LIBRARIES += agent/host/libhost.a
agent_host_libhost_a_SOURCES = agent/template.h agent/host/bytes.h agent/host/bytes.c agent/host/report.h agent/host/report.c \
	agent/host/options.h agent/host/options.c agent/host/module.h agent/host/module.c agent/host/host.h agent/host/context.c \
	agent/host/guard.h agent/host/guard.c agent/host/run.c agent/host/strays.h agent/host/strays.c agent/host/processes.c \
	agent/host/send.c agent/host/instance.c agent/host/serve.c agent/host/walls.h agent/host/walls.c agent/host/granted.h \
	agent/host/granted.c agent/host/start.h agent/host/start.c agent/host/lives.h agent/host/template.c agent/host/one.c
agent_host_libhost_a_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
HOST_LIBS = agent/host/libhost.a $(WIRE_LIBS) $(CONFINE_LIBS) $(BASE_LIBS) -lltdl

# Modules find beadle_put and the like in the program: it shows its symbols, and takes in the two files that it has no use for.
pkglibexec_PROGRAMS += agent/host/beadle-host
agent_host_beadle_host_SOURCES = agent/host/main.c
agent_host_beadle_host_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
agent_host_beadle_host_LDFLAGS = $(PROGRAM_LDFLAGS) -rdynamic -Wl,-u,beadle_run -Wl,-u,beadle_processes
agent_host_beadle_host_LDADD = $(HOST_LIBS)

# tests/unit/rig.c: a template driven through its sockets.
check_PROGRAMS += tests/unit/test_host tests/unit/test_host_hang tests/unit/test_host_api
TESTS += tests/unit/test_host tests/unit/test_host_hang tests/unit/test_host_api
tests_unit_test_host_SOURCES = tests/unit/test_host.c tests/unit/rig.h tests/unit/rig.c
tests_unit_test_host_CPPFLAGS = $(AM_CPPFLAGS) -DBUILD_TREE='"$(abs_top_builddir)"'
tests_unit_test_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_host_LDADD = $(WIRE_LIBS) $(BASE_LIBS) $(CHECK_LIBS)
tests_unit_test_host_hang_SOURCES = tests/unit/test_host_hang.c tests/unit/rig.h tests/unit/rig.c
tests_unit_test_host_hang_CPPFLAGS = $(tests_unit_test_host_CPPFLAGS)
tests_unit_test_host_hang_CFLAGS = $(tests_unit_test_host_CFLAGS)
tests_unit_test_host_hang_LDADD = $(tests_unit_test_host_LDADD)
tests_unit_test_host_api_SOURCES = tests/unit/test_host_api.c tests/unit/rig.h tests/unit/rig.c
tests_unit_test_host_api_CPPFLAGS = $(tests_unit_test_host_CPPFLAGS)
tests_unit_test_host_api_CFLAGS = $(tests_unit_test_host_CFLAGS)
tests_unit_test_host_api_LDADD = $(tests_unit_test_host_LDADD)

check_PROGRAMS += tests/unit/test_options
TESTS += tests/unit/test_options
tests_unit_test_options_SOURCES = tests/unit/test_options.c cli/bound.h cli/bound.c
tests_unit_test_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_options_LDADD = $(HOST_LIBS) $(CHECK_LIBS) -lm

check_PROGRAMS += tests/unit/test_abi
TESTS += tests/unit/test_abi
tests_unit_test_abi_SOURCES = tests/unit/test_abi.c
tests_unit_test_abi_CPPFLAGS = $(tests_unit_test_host_CPPFLAGS)
tests_unit_test_abi_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_abi_LDADD = $(CHECK_LIBS)
