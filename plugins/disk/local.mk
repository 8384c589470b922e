# plugins/disk
