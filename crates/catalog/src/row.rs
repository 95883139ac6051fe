//! Rows as cells: encoding to a descriptor, decoding under any later one.
