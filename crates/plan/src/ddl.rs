//! CREATE, ALTER, DROP: syntax to [`types::ddl`].
