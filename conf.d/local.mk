# conf.d/: what gets installed to the configuration folder. The procedure comes with its room, the samples of checks with the plugins.
confdir = $(sysconfdir)/beadle
dist_conf_DATA = conf.d/collector.yaml
