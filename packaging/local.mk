# packaging/: what systemd needs. Installed below the prefix, so that an unprivileged install works too.
systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = packaging/systemd/beadle-agent.service packaging/systemd/beadle-collector.service \
	packaging/systemd/beadle-watch.service
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = packaging/sysusers/beadle.conf
EXTRA_DIST += packaging/systemd/beadle-agent.service.in packaging/systemd/beadle-collector.service.in \
	packaging/systemd/beadle-watch.service.in
CLEANFILES += $(nodist_systemdunit_DATA)

# [@], because configure would put the folder in for the pattern too.
packaging/systemd/%.service: $(top_srcdir)/packaging/systemd/%.service.in Makefile
	@$(MKDIR_P) packaging/systemd
	$(AM_V_GEN)sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		-e 's|@localstatedir[@]|$(localstatedir)|g' -e 's|@bindir[@]|$(bindir)|g' $< >$@
