# plugins/: each brings its page, and a sample configuration that is installed ready to use.
agentddir = $(pkgdatadir)/examples/agent.d
dist_agentd_DATA =
pagesdir = $(docdir)/plugins
dist_pages_DATA =

include plugins/disk/local.mk
include plugins/antivirus/local.mk
include plugins/patch/local.mk
include plugins/service/local.mk
include plugins/clock/local.mk
include plugins/integrity/local.mk
include plugins/system/local.mk
