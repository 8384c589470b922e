# collector/notify
