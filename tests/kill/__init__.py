"""The server is killed with SIGKILL, anywhere, again and again: nothing is lost, doubled or left behind."""
