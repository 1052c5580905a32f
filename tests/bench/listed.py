"""Read models of any size in seconds: rows made by SQL, with the skew of real ones, their indexes made after. The counts come by the tables'
triggers."""

import psycopg

from projections.catalogue import PROJECTIONS

INDEXES = "select indexname from pg_indexes where schemaname = 'views' and tablename = any(%s) and indexname not like '%%_pkey'"
FILLED = ("deployments", "tasks", "audit_logs")
USERS = """
insert into users (id, username, email, roles, is_active, created_by, created_at, updated_at, created_position, position, stream_version)
select 'usr_' || n, 'person-' || n, case when n % 3 > 0 then 'person-' || n || '@example.com' else '' end, '{developer}', true,
       'usr_1', now(), now(), n, n, 1
  from generate_series(1, 50) n"""
DEPLOYMENTS = """
insert into deployments (
  id, version_id, repository, git_tag, git_commit, environment_id, environment_name, environment_type, application_ids, application_names, versions,
  artifacts, must_in_order, manual_approval, auto_start, auto_rollback, timeout, rollback_of, change_id, correlation_id, phase, waiting_for,
  release_number, error_message, cancel_reason, rollback_id, rollback_error, decision, decision_reason, created_by, created_at, updated_at,
  started_at, completed_at, created_position, position, stream_version)
select 'dep_' || lpad(n::text, 26, '0'), 'ver_' || v, 'https://git.example/org/shop', 'v1.' || v || '.0', md5(v::text), 'env_' || e,
       'environment ' || e, 'physical', array['app_1'], array['api'], json_build_object('app_1', 'ver_' || v), '{}', '{}', false, true, true,
       1800, '', '', gen_random_uuid(),
       case when n > %(rows)s - 5 then 'pending' when n > %(rows)s - 12 then 'running' when n > %(rows)s - 15 then 'waiting_confirm'
            when chance < 0.88 then 'success' when chance < 0.95 then 'failed' when chance < 0.975 then 'cancelled' else 'rolled_back' end, null,
       n, case when chance between 0.88 and 0.95 then 'the health check failed' else '' end, '', '', '', '', '', 'usr_' || 1 + n %% 50,
       at, at + '95 s',
       at + '1 s', case when n <= %(rows)s - 15 then at + '95 s' end, 10 * n, 10 * n + 9, 12
  from (select n, 1 + n / 40 as v, 1 + floor(30 * power(random(), 3))::int as e, random() as chance,
               timestamptz '2026-01-01 00:00:00.123456Z' + n * interval '17 s' as at
          from generate_series(1, %(rows)s) n) d"""
TASKS = """
insert into tasks (id, deployment_id, application_id, ord, type, name, depends_on, config, payload, require_confirm, status, attempt, message,
                   error_message, result, artifact, worker, created_by, created_at, updated_at, started_at, completed_at, created_position, position,
                   stream_version)
select 'task_' || lpad((3 * n + o)::text, 26, '0'), 'dep_' || lpad(n::text, 26, '0'), 'app_1', o, (array['build', 'test', 'deploy'])[o],
       (array['build', 'test', 'deploy'])[o] || ' api', '{}', '{}', '{}', false, case when n > %(rows)s - 15 then 'running' else 'success' end, 1, '',
       '',
       '{}', case when o = 1 then json_build_object('digest', 'sha256:' || md5(n::text), 'name', 'api.tar.gz', 'size', 12345) end, 'worker-1',
       'usr_1', now(), now(), now(), now(), 10 * n, 10 * n, 4
  from generate_series(1, %(rows)s) n, generate_series(1, %(tasks)s) o"""
AUDIT = """
insert into audit_logs
select n, 'usr_' || 1 + floor(50 * power(random(), 3))::int, r || '.' || a, r, r || '_' || n / 25, 1 + n %% 25,
       timestamptz '2026-01-01Z' + n * interval '1 s',
       '192.0.2.1', 'req_' || n, gen_random_uuid(), gen_random_uuid(), null, now(), '{"name": "v1.2.3"}'
  from (select n, (array['deployment', 'task', 'version', 'environment'])[1 + floor(4 * power(random(), 3))::int] as r,
               (array['created', 'started', 'succeeded', 'failed', 'updated'])[1 + floor(5 * power(random(), 2))::int] as a
          from generate_series(1, %(rows)s) n) f"""


def fill(conninfo: str, rows: int, tasks: int = 3, audit: int = 0) -> None:
    """`rows` deployments with `tasks` tasks each, and `audit` rows of the audit; vacuumed and analyzed."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for (index,) in conn.execute(INDEXES, (list(FILLED),)).fetchall():
            conn.execute(f"drop index views.{index}".encode())
        conn.execute(USERS)
        for statement, count in ((DEPLOYMENTS, rows), (TASKS, rows), (AUDIT, audit)):
            conn.execute(statement.encode(), {"rows": count, "tasks": tasks})
        for projection in PROJECTIONS:
            if projection.name in FILLED:
                conn.execute(projection.tables)
        conn.execute("vacuum analyze")
