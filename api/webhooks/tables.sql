-- Deliveries that were refused at the door: kept for those who look for the reason, never more than the newest ten thousand.
create table if not exists ops.refused_webhooks (
  number bigint generated always as identity primary key,
  received_at timestamptz not null default clock_timestamp(),
  source_ip text not null,
  provider text not null,
  event text not null,
  delivery_id text not null,
  reason text not null,
  bytes bigint not null
);
