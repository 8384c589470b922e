# conf.d/: examples, and from them the configuration folder, where what a person has written is never touched: a file that is there stays,
# and agent.d is filled once. The checks' samples come from the plugins' folders, the procedure with its room.
examplesdir = $(pkgdatadir)/examples
dist_examples_DATA = conf.d/collector.yaml conf.d/agent.yaml conf.d/watch.yaml

install-data-hook:
	@cd '$(DESTDIR)$(examplesdir)' && conf='$(DESTDIR)$(sysconfdir)/beadle' && $(MKDIR_P) "$$conf/procedure" && \
	for f in *.yaml procedure/*.yaml; do \
		[ -e "$$conf/$$f" ] || $(INSTALL_DATA) "$$f" "$$conf/$$f" || exit 1; \
	done; \
	[ -e "$$conf/agent.d" ] || { $(MKDIR_P) "$$conf/agent.d" && $(INSTALL_DATA) agent.d/*.yaml "$$conf/agent.d/"; }
