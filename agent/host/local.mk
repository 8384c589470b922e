# agent/host
