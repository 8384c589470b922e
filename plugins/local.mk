# plugins/
include plugins/disk/local.mk
include plugins/antivirus/local.mk
include plugins/patch/local.mk
include plugins/service/local.mk
include plugins/clock/local.mk
include plugins/integrity/local.mk
include plugins/system/local.mk
