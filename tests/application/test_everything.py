"""The whole application under random commands, reports, delays and repetitions: what must hold after each, and when all is quiet."""

from collections import Counter
from datetime import timedelta
from itertools import combinations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from application.applications import ChangeApplication
from application.changes import CreateChange
from application.deployments.create import CreateDeployment
from application.environments import ChangeEnvironment
from application.versions import CreateVersion
from domain.registry import encode
from tests.application.machine import Hand
from tests.application.town import REPOSITORY
from tests.application.world import World, is_open

N = st.integers(0, 3) | st.integers(0, 60)
ACTS = [
    *["create: start"] * 4, "create: ask", "create: wait", *["create: held"] * 2,
    *(f"deployment: {verb}" for verb in ("execute", "cancel", "confirm", "confirm", "retry", "retry", "rollback", "rollback to", "edit")),
    *(f"task: {verb}" for verb in ("retry", "cancel", "cancel", "confirm", "decide", "decide", "decide")),
    *(f"change: {verb}" for verb in ("create", "submit", "approve", "reject", "execute", "execute", "cancel", "approved", "approved")),
    *(f"ground: {verb}" for verb in ("environment", "application", "version", "delete version")), *["worker: begin"] * 3,
    *["work: succeed"] * 8, *["work: fail"] * 3, "work: stopped", "work: lost",
    *(f"worker: {verb}" for verb in ("begin", "succeed", "fail", "stopped", "lost")),
    *["processes: all"] * 2, *["processes: some"] * 2, "time: 1", "time: 31", *["time: 33"] * 2, "time: 1500", "quiet: now", "quiet: after work",
]
WORDS = st.sampled_from(["continue", "rollback"])


class Everything(RuleBasedStateMachine):
    @staticmethod
    def do(work):
        """Nothing here ever waits, so that no event loop is needed."""
        try:
            work.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("it waits for something")

    @initialize(fulfilled=st.sampled_from([1, 2]), lived_in=st.booleans())
    def build(self, fulfilled, lived_in):
        async def start():
            self.world = world = World(fulfilled=fulfilled)
            self.hand = Hand(world)
            for name, config in (("shop", {"build_command": "make"}), ("blog", {}), ("mail", {"test_command": "make test"})):
                await world.app(name, **config)
            for name in ("prod", "stage"):
                await world.env(name)
            for tag in ("v1", "v2"):
                await world.version(tag)
            if lived_in:
                await world.deploy("ver_0001", "app_0001", "app_0002", "app_0003", to="env_0001")
                await self.work_off()

        self.do(start())

    @rule(act=st.sampled_from(ACTS), n=N, word=WORDS)
    def anything(self, act, n, word):
        """`act`: a verb and what it is about. One rule, so that no run leaves out a kind of act."""
        kind, _, verb = act.partition(": ")
        self.do(getattr(self, kind)(n, verb, word))

    # Commands

    async def create(self, n, verb, word):
        apps = tuple(f"app_{app:04}" for app in ({1}, {2}, {3}, {1, 2}, {1, 2, 3})[n % 5])
        start = verb in ("start", "ask")
        command = CreateDeployment(self.hand.pick("ver", n), apps, f"env_{n % 2 + 1:04}", apps if n % 7 == 0 else (), verb == "ask", start)
        done = await self.hand.try_(self.world.deployments.create(self.hand.me, command))
        if verb == "held" and done:
            await self.hand.deployment(0, "edit", word)
            await self.hand.deployment(0, "execute", word)

    async def deployment(self, n, verb, word):
        await self.hand.deployment(n, verb, word)

    async def task(self, n, verb, word):
        await (self.hand.decide(n, word) if verb == "decide" else self.hand.task(n, verb, word))

    async def change(self, n, verb, word):
        if verb not in ("create", "approved"):
            return await self.hand.change(n, verb)
        payload = ({"deployment_id": self.hand.pick("dep", n)} if n % 2 else
                   {"version_id": self.hand.pick("ver", n), "application_ids": ["app_0001"], "environment_id": "env_0001"})
        create = CreateChange("t", "rollback" if n % 2 else "deployment", payload)
        await self.hand.try_(self.world.changes.create(self.hand.me, create))
        for step in ("submit", "approve") if verb == "approved" else ():
            await self.hand.change(0, step)
        return None

    async def ground(self, n, verb, word):
        """What stands in settings and lists changes under the deployments' feet."""
        w, me = self.world, self.hand.me
        config = {"build_command": f"make {n}"} if n % 2 else {}
        calls = {
            "environment": lambda: w.environments.change(me, ChangeEnvironment(self.hand.pick("env", n), is_active=n % 3 > 0)),
            "application": lambda: w.applications.change(me, ChangeApplication(self.hand.pick("app", n), config=config)),
            "version": lambda: w.versions.create(me, CreateVersion(f"v{w.log.position}", "c0ffee", REPOSITORY)),
            "delete version": lambda: w.versions.delete(me, self.hand.pick("ver", n)),
        }
        await self.hand.try_(calls[verb]())

    # Workers, processes, time

    async def work(self, n, verb, word):
        await self.hand.work(n, verb)

    async def worker(self, n, verb, word):
        """One that may hold nothing any more."""
        await (self.hand.begin(n) if verb == "begin" else self.hand.report(n, verb))

    async def processes(self, n, verb, word):
        await self.world.react(n + 1 if verb == "some" else None)

    async def time(self, n, verb, word):
        if verb == "33":  # longer than any deadline, and the processes have kept up
            await self.world.react()
        self.world.now += timedelta(minutes=int(verb))
        await self.ring()

    async def ring(self):
        await self.hand.ring(await self.world.timers.due(self.world.now))

    async def work_off(self):
        """Workers carry everything that is open to a good end, and processes keep up."""
        for _ in range(400):
            await self.world.react()
            tasks = [s for s in self.world.log.streams if s.startswith("task_") and is_open(await self.world.state(s))]
            if not tasks:
                return
            for stream in tasks:
                task = await self.world.state(stream)
                held = await self.world.reports.begin(stream, task.attempt, f"lease-{self.world.log.position}", "worker")
                if held is not None:
                    await (self.world.reports.cancelled(held, True, "stopped") if task.cancelling else self.world.reports.succeed(held, {}))
        raise AssertionError("the work never ends")

    # What always holds

    @invariant()
    def the_cache_is_the_log(self):
        async def look():
            for stream in self.world.log.streams:
                cached = self.world.house.cache.get(stream)
                fresh = await self.world.state(stream)
                assert cached is None or cached.version < fresh.version or cached == fresh

        if hasattr(self, "world"):
            self.do(look())

    def what_is_kept_of_appends_is_the_log(self):
        """To the byte: whoever follows is told the same from memory."""
        log = self.world.log.recorded(0)
        for begin in range(len(log)):
            for one, stored in zip(self.world.house.lately.after(begin, 1), log[begin:], strict=False):
                assert (one.position, one.event, one.command, one.origin) == (stored.position, stored.event, stored.command, stored.origin)
                assert encode(one.event) == encode(stored.event)

    @invariant()
    def deployments_tasks_and_lanes_agree(self):
        if hasattr(self, "world"):
            self.do(self.must_agree())

    async def must_agree(self):
        lanes = [await self.world.state(s) for s in self.world.log.streams if s.startswith("lane_")]
        inside = Counter(place.deployment_id for lane in lanes for place in lane.inside)
        for lane in lanes:
            assert all(not one.shares(other.application_ids) for one, other in combinations(lane.inside, 2)), "two deployments overlap"
        for stream in self.world.log.streams:
            if stream.startswith("dep_"):
                await self.must_agree_with_its_tasks(await self.world.deployment(stream), inside)

    async def must_agree_with_its_tasks(self, d, inside):
        holds = d.phase in ("running",) or (d.phase == "waiting_confirm" and d.deadline) or d.active or (d.rolls_back and not d.rollback_id)
        assert inside[d.id] == bool(holds), f"{d.id} is {d.phase} and {'not ' if holds else ''}in the lane"
        for id, state in d.states.items():
            task = await self.world.state(id)
            if state == "active":
                assert task.is_open
            elif state == "success":
                assert task.state == "success"
            else:
                assert task is None or not task.is_open
        if d.phase == "running":
            assert d.active or d.in_state("held"), f"{d.id} runs, and nothing of it does"
        if d.phase in ("success", "rolled_back") and not d.failing:
            assert set(d.states.values()) == {"success"}

    # When all is quiet

    async def quiet(self, n, verb, word):
        if verb == "after work":
            await self.work_off()
        await self.world.react()
        await self.world.must_be_tidy()

    def teardown(self):
        if hasattr(self, "world"):
            self.do(self.come_to_an_end())
            self.what_is_kept_of_appends_is_the_log()

    async def come_to_an_end(self):
        """People who say yes and workers who succeed bring everything to an end: nothing is stuck."""
        world, hand = self.world, self.hand
        for _ in range(30):
            await self.work_off()
            await world.must_be_tidy()
            unfinished = [d for s in world.log.streams if s.startswith("dep_") and (d := await world.deployment(s)).is_open]
            if not unfinished:
                break
            for d in unfinished:
                if d.phase == "waiting_confirm":
                    await hand.try_(world.deployments.confirm(hand.me, d.id, "continue", "yes"))
                elif d.phase == "pending":
                    await hand.try_(world.deployments.execute(hand.me, d.id))
                for task in d.in_state("held"):
                    await hand.try_(world.tasks.confirm(hand.me, d.id, task, "continue", "yes"))
        else:
            raise AssertionError(f"stuck: {[(d.id, d.phase, d.states) for d in unfinished]}")
        assert [lane for s in world.log.streams if s.startswith("lane_") and (lane := await world.state(s)).inside] == []
        await self.ring()
        await world.react()
        await world.must_be_tidy()


TestEverything = Everything.TestCase
TestEverything.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
