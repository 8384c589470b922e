# plugins/service
