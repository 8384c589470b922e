# plugins/clock
