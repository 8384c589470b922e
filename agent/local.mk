# agent/
include agent/launcher/local.mk
include agent/config/local.mk
include agent/core/local.mk
include agent/host/local.mk
include agent/procscan/local.mk
