# agent/procscan
