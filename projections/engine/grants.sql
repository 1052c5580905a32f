-- What the running server may do with read models: everything but change their shape. The log's migration has made the role.
grant usage on schema {schema} to tiangong_server;
grant select, insert, update, delete on all tables in schema {schema} to tiangong_server;
