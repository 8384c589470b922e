# agent/config
noinst_LIBRARIES += agent/config/libconfig.a
agent_config_libconfig_a_SOURCES = agent/config/config_file.h agent/config/config_file.c agent/config/plugins.h agent/config/plugins.c \
	agent/config/registry.c agent/config/grants.c agent/config/options.h agent/config/options.c agent/config/plan.h \
	agent/config/plan.c agent/config/metrics.h agent/config/metrics.c
agent_config_libconfig_a_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS) $(CRYPTO_CFLAGS)
CONFIG_LIBS = agent/config/libconfig.a $(WIRE_LIBS) $(CONF_LIBS) $(BASE_LIBS) $(CRYPTO_LIBS)

pkglibexec_PROGRAMS += agent/config/beadle-config
agent_config_beadle_config_SOURCES = agent/config/main.c
agent_config_beadle_config_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
agent_config_beadle_config_LDFLAGS = $(PROGRAM_LDFLAGS)
agent_config_beadle_config_LDADD = $(CONFIG_LIBS) $(CONFINE_LIBS)

# What the plugins measure, for the collector: asked of the modules themselves.
pkgdata_DATA = metrics.yaml
CLEANFILES += metrics.yaml
metrics.yaml: agent/config/beadle-config$(EXEEXT) agent/host/beadle-host$(EXEEXT) $(plugin_PROGRAMS)
	$(AM_V_GEN)BEADLE_LIBEXEC='$(abs_top_builddir)' agent/config/beadle-config --inventory \
		$(sort $(plugin_PROGRAMS)) >$@.new
	@mv $@.new $@

check_PROGRAMS += tests/unit/test_config
TESTS += tests/unit/test_config
tests_unit_test_config_SOURCES = tests/unit/test_config.c
tests_unit_test_config_CPPFLAGS = $(AM_CPPFLAGS) -DBUILD_TREE='"$(abs_top_builddir)"'
tests_unit_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_unit_test_config_LDADD = $(CONFIG_LIBS) $(CHECK_LIBS)
EXTRA_DIST += doc/plugin-guide.md
