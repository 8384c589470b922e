# collector/judge
