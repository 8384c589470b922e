# cli/: beadle, the operator's command.
bin_PROGRAMS += cli/beadle
cli_beadle_SOURCES = cli/main.c cli/command.h cli/client.h cli/client.c cli/screen.h cli/screen.c cli/document.h \
	cli/check.c cli/bound.h cli/bound.c cli/round.h cli/round.c cli/status.c cli/hosts.c cli/incidents.c cli/identity.c cli/person.c \
	cli/doctor.c cli/completion.c
cli_beadle_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS) $(CRYPTO_CFLAGS)
cli_beadle_LDFLAGS = $(PROGRAM_LDFLAGS)
cli_beadle_LDADD = $(WIRE_LIBS) $(CONF_LIBS) $(BASE_LIBS) $(JANSSON_LIBS) $(PROTOBUF_C_LIBS) $(CRYPTO_LIBS)

# The shell learns the commands from the program itself.
completionsdir = $(datadir)/bash-completion/completions
nodist_completions_DATA = cli/completions/beadle
CLEANFILES += $(nodist_completions_DATA)
cli/completions/beadle: cli/beadle$(EXEEXT)
	@$(MKDIR_P) cli/completions
	$(AM_V_GEN)cli/beadle completion bash >$@.new && mv $@.new $@
