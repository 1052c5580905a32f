"""What keeps a process running: loops over the log, the queue and the timers, each supervised."""
