# plugins/system
