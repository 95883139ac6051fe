//! Rules, one a file.
