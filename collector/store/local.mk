# collector/store
