# collector/procedure
