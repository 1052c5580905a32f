"""What all read models share: how facts reach the tables, each once and in order; how tables are made again, compared and paged."""
