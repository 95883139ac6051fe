//! like.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    850 "textlike" (Text, Text) -> Bool = pending;
    858 "namelike" (Name, Text) -> Bool = pending;
    1631 "bpcharlike" (Bpchar, Text) -> Bool = pending;
    1569 "like" (Text, Text) -> Bool = pending;
    1571 "like" (Name, Text) -> Bool = pending;
    851 "textnlike" (Text, Text) -> Bool = pending;
    859 "namenlike" (Name, Text) -> Bool = pending;
    1632 "bpcharnlike" (Bpchar, Text) -> Bool = pending;
    1570 "notlike" (Text, Text) -> Bool = pending;
    1572 "notlike" (Name, Text) -> Bool = pending;
    1633 "texticlike" (Text, Text) -> Bool = pending;
    1635 "nameiclike" (Name, Text) -> Bool = pending;
    1660 "bpchariclike" (Bpchar, Text) -> Bool = pending;
    1634 "texticnlike" (Text, Text) -> Bool = pending;
    1636 "nameicnlike" (Name, Text) -> Bool = pending;
    1661 "bpcharicnlike" (Bpchar, Text) -> Bool = pending;
    2005 "bytealike" (Bytea, Bytea) -> Bool = pending;
    2007 "like" (Bytea, Bytea) -> Bool = pending;
    2006 "byteanlike" (Bytea, Bytea) -> Bool = pending;
    2008 "notlike" (Bytea, Bytea) -> Bool = pending;
    1637 "like_escape" (Text, Text) -> Text = pending;
    1986 "similar_to_escape" (Text, Text) -> Text = pending;
    1987 "similar_to_escape" (Text) -> Text = pending;
}
