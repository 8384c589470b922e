# collector/launcher
