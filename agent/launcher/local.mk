# agent/launcher
sbin_PROGRAMS += agent/launcher/beadle-agent
agent_launcher_beadle_agent_SOURCES = agent/launcher/launcher.h agent/launcher/main.c agent/launcher/children.c agent/launcher/reader.c \
	agent/launcher/descriptors.c
agent_launcher_beadle_agent_LDFLAGS = $(PROGRAM_LDFLAGS)
agent_launcher_beadle_agent_LDADD = $(CONFINE_LIBS)

check_PROGRAMS += tests/unit/test_descriptor
TESTS += tests/unit/test_descriptor
tests_unit_test_descriptor_SOURCES = tests/unit/test_descriptor.c agent/launcher/launcher.h agent/launcher/descriptors.c
tests_unit_test_descriptor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_descriptor_LDADD = lib/libconfine.a $(BASE_LIBS) $(CHECK_LIBS)
