# agent/procscan
pkglibexec_PROGRAMS += agent/procscan/beadle-procscan
agent_procscan_beadle_procscan_SOURCES = agent/procscan/scan.h agent/procscan/main.c
agent_procscan_beadle_procscan_LDFLAGS = $(PROGRAM_LDFLAGS)
agent_procscan_beadle_procscan_LDADD = $(CONFINE_LIBS) $(BASE_LIBS)
