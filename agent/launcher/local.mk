# agent/launcher
sbin_PROGRAMS += agent/launcher/beadle-agent
agent_launcher_beadle_agent_SOURCES = agent/launcher/launcher.h agent/launcher/main.c agent/launcher/children.c agent/launcher/reader.c
agent_launcher_beadle_agent_LDFLAGS = $(PROGRAM_LDFLAGS)
agent_launcher_beadle_agent_LDADD = lib/libconfine.a $(BASE_LIBS)
