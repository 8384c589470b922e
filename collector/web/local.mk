# collector/web
