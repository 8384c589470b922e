# collector/identity
