-- Whoever keeps in memory who presents which token hears when that may have changed. Facts about people are few, so it may be said inside the transaction.
create or replace function tell_of_people() returns trigger language plpgsql as $tell$
begin
  perform pg_notify('people', '');
  return null;
end $tell$;
create or replace trigger told after insert or update or delete on users for each statement execute function tell_of_people();
create or replace trigger told after insert or update or delete on tokens for each statement execute function tell_of_people();
