"""A process that follows: `python -m tests.event_store.tails CONNINFO EVENTS` prints, once it has seen so many, what it has seen.

`{"events": how many, "in_order": every position once, "digest": of the streams and versions in the order seen}`.
"""

import hashlib
import json
import sys
import threading
from contextlib import closing

from adapters.event_store.follower import Follower


def line(stream: str, version: int) -> bytes:
    return f"{stream} {version}\n".encode()


def main(conninfo: str, events: int) -> None:
    seen, in_order, digest = 0, True, hashlib.sha256()
    with closing(Follower(conninfo, 0, batch=1000).batches(threading.Event())) as batches:
        for batch in batches:
            for record in batch:
                seen += 1
                in_order = in_order and record.position == seen
                digest.update(line(record.event.stream, record.event.version))
            if seen >= events:
                break
    json.dump({"events": seen, "in_order": in_order, "digest": digest.hexdigest()}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
