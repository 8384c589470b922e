# collector/ingest
