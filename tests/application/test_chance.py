"""Random bytes by the handful: never the same twice, in whichever thread or process."""

import os
from concurrent.futures import ThreadPoolExecutor

from application.chance import sixteen, uuid


def test_nothing_is_handed_out_twice_whoever_asks():
    with ThreadPoolExecutor(8) as threads:
        found = [each for part in threads.map(lambda _: [sixteen() for _ in range(2000)], range(8)) for each in part]
    assert len(set(found)) == 16_000
    assert {len(each) for each in found} == {16}


def test_a_uuid_says_that_it_is_random():
    found = [uuid() for _ in range(1000)]
    assert len(set(found)) == 1000
    assert {(each.version, each.variant) for each in found} == {(4, "specified in RFC 4122")}


def test_a_child_draws_its_own():
    sixteen()  # there are some left
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, sixteen())
        os._exit(0)
    mine = sixteen()
    os.waitpid(child, 0)
    assert os.read(read, 16) != mine
    os.close(read)
    os.close(write)
