"""Process managers: facts in, commands out, as data. They keep nothing and call nobody; `execution` alone calls ports."""
