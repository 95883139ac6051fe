//! json (text, verbatim) and jsonb (canonical binary: keys ordered by length then bytes, duplicates dropped, numbers
//! as `Numeric`). The byte layout is in docs/file-format.md.
