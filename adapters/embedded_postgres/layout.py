"""What stands where below the data folder.

data/            0700 when we make it; a folder that exists keeps its owner and its mode
├── cluster/     PostgreSQL's own folder, 0700; appears whole, by a rename
├── new-*/       a cluster in the making; swept before the next one
├── socket/      0700, when the path is short enough (see `sockets`)
├── server.log   what PostgreSQL says, bounded; the older half in server.log.1
├── start.lock   held while somebody starts or stops the server, and by initdb
├── server.lock  held by every process of the server itself (see `locks`)
└── users.lock   shared by all who use the server: the last one out stops it
"""

from pathlib import Path


class Layout:
    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.cluster = self.data / "cluster"
        self.pid_file = self.cluster / "postmaster.pid"
        self.log = self.data / "server.log"
        self.start_lock = self.data / "start.lock"
        self.server_lock = self.data / "server.lock"
        self.users_lock = self.data / "users.lock"
