//! bytea.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    2011 "byteacat" (Bytea, Bytea) -> Bytea = pending;
    2010 "length" (Bytea) -> Int4 = pending;
    720 "octet_length" (Bytea) -> Int4 = pending;
    1810 "bit_length" (Bytea) -> Int4 = pending;
    2086 "substr" (Bytea, Int4) -> Bytea = pending;
    2085 "substr" (Bytea, Int4, Int4) -> Bytea = pending;
    2013 "substring" (Bytea, Int4) -> Bytea = pending;
    2012 "substring" (Bytea, Int4, Int4) -> Bytea = pending;
    2014 "position" (Bytea, Bytea) -> Int4 = pending;
    2015 "btrim" (Bytea, Bytea) -> Bytea = pending;
    6195 "ltrim" (Bytea, Bytea) -> Bytea = pending;
    6196 "rtrim" (Bytea, Bytea) -> Bytea = pending;
    749 "overlay" (Bytea, Bytea, Int4, Int4) -> Bytea = pending;
    752 "overlay" (Bytea, Bytea, Int4) -> Bytea = pending;
    721 "get_byte" (Bytea, Int4) -> Int4 = pending;
    722 "set_byte" (Bytea, Int4, Int4) -> Bytea = pending;
    723 "get_bit" (Bytea, Int8) -> Int4 = pending;
    724 "set_bit" (Bytea, Int8, Int4) -> Bytea = pending;
    6163 "bit_count" (Bytea) -> Int8 = pending;
    1946 "encode" (Bytea, Text) -> Text = pending;
    1947 "decode" (Text, Text) -> Bytea = pending;
    1714 "convert_from" (Bytea, Name) -> Text = pending stable;
    1717 "convert_to" (Text, Name) -> Bytea = pending stable;
    2311 "md5" (Text) -> Text = pending;
    2321 "md5" (Bytea) -> Text = pending;
    3419 "sha224" (Bytea) -> Bytea = pending;
    3420 "sha256" (Bytea) -> Bytea = pending;
    3421 "sha384" (Bytea) -> Bytea = pending;
    3422 "sha512" (Bytea) -> Bytea = pending;
}
