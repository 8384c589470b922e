# web/: the dashboard's pages, bundled into web/dist of the build tree. npm works on a copy there; the source tree stays as it is.
WEB_SOURCES = web/package.json web/package-lock.json web/.npmrc web/tsconfig.json web/build.mjs web/src/index.html web/src/icon.svg \
	web/src/style.css web/src/api.ts web/src/chart.tsx web/src/format.ts web/src/frame.tsx web/src/live.ts web/src/main.tsx \
	web/src/parts.tsx web/src/store.ts web/src/types.ts web/src/words.ts web/src/pages/host.tsx web/src/pages/hosts.tsx \
	web/src/pages/incident.tsx web/src/pages/incidents.tsx web/src/pages/login.tsx
EXTRA_DIST += $(WEB_SOURCES)

if DASHBOARD
webdir = $(pkgdatadir)/web
nodist_web_DATA = web/dist/app.js web/dist/style.css web/dist/index.html web/dist/icon.svg
CLEANFILES += $(nodist_web_DATA) web/dist/stamp

$(nodist_web_DATA): web/dist/stamp
web/dist/stamp: $(addprefix $(top_srcdir)/,$(WEB_SOURCES))
	$(AM_V_GEN)rm -rf web/work && $(MKDIR_P) web/work web/dist && \
	for f in package.json package-lock.json .npmrc tsconfig.json build.mjs; do cp $(top_srcdir)/web/$$f web/work/ || exit 1; done && \
	cp -R $(top_srcdir)/web/src web/work/ && cd web/work && \
	{ $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 || \
		{ cat npm.log; echo "web: npm ci failed: is the package registry reachable? --disable-dashboard builds without"; exit 1; }; } && \
	node node_modules/typescript/bin/tsc --noEmit && node build.mjs ../dist && touch ../dist/stamp

clean-local: clean-web
clean-web:
	-rm -rf web/work
.PHONY: clean-web
endif
