# agent/core
