# collector/engine
