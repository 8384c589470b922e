# agent/launcher
