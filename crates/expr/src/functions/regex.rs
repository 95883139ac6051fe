//! regex.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    1254 "textregexeq" (Text, Text) -> Bool = pending;
    79 "nameregexeq" (Name, Text) -> Bool = pending;
    1658 "bpcharregexeq" (Bpchar, Text) -> Bool = pending;
    1256 "textregexne" (Text, Text) -> Bool = pending;
    1252 "nameregexne" (Name, Text) -> Bool = pending;
    1659 "bpcharregexne" (Bpchar, Text) -> Bool = pending;
    1238 "texticregexeq" (Text, Text) -> Bool = pending;
    1240 "nameicregexeq" (Name, Text) -> Bool = pending;
    1656 "bpcharicregexeq" (Bpchar, Text) -> Bool = pending;
    1239 "texticregexne" (Text, Text) -> Bool = pending;
    1241 "nameicregexne" (Name, Text) -> Bool = pending;
    1657 "bpcharicregexne" (Bpchar, Text) -> Bool = pending;
    2073 "substring" (Text, Text) -> Text = pending;
    2074 "substring" (Text, Text, Text) -> Text = pending;
    2284 "regexp_replace" (Text, Text, Text) -> Text = pending;
    2285 "regexp_replace" (Text, Text, Text, Text) -> Text = pending;
    6253 "regexp_replace" (Text, Text, Text, Int4) -> Text = pending;
    6252 "regexp_replace" (Text, Text, Text, Int4, Int4) -> Text = pending;
    6251 "regexp_replace" (Text, Text, Text, Int4, Int4, Text) -> Text = pending;
    3396 "regexp_match" (Text, Text) -> TextArray = pending;
    3397 "regexp_match" (Text, Text, Text) -> TextArray = pending;
    2763 "regexp_matches" (Text, Text) -> TextArray = pending set;
    2764 "regexp_matches" (Text, Text, Text) -> TextArray = pending set;
    2767 "regexp_split_to_array" (Text, Text) -> TextArray = pending;
    2768 "regexp_split_to_array" (Text, Text, Text) -> TextArray = pending;
    2765 "regexp_split_to_table" (Text, Text) -> Text = pending set;
    2766 "regexp_split_to_table" (Text, Text, Text) -> Text = pending set;
    6254 "regexp_count" (Text, Text) -> Int4 = pending;
    6255 "regexp_count" (Text, Text, Int4) -> Int4 = pending;
    6256 "regexp_count" (Text, Text, Int4, Text) -> Int4 = pending;
    6257 "regexp_instr" (Text, Text) -> Int4 = pending;
    6258 "regexp_instr" (Text, Text, Int4) -> Int4 = pending;
    6259 "regexp_instr" (Text, Text, Int4, Int4) -> Int4 = pending;
    6260 "regexp_instr" (Text, Text, Int4, Int4, Int4) -> Int4 = pending;
    6261 "regexp_instr" (Text, Text, Int4, Int4, Int4, Text) -> Int4 = pending;
    6262 "regexp_instr" (Text, Text, Int4, Int4, Int4, Text, Int4) -> Int4 = pending;
    6263 "regexp_like" (Text, Text) -> Bool = pending;
    6264 "regexp_like" (Text, Text, Text) -> Bool = pending;
    6265 "regexp_substr" (Text, Text) -> Text = pending;
    6266 "regexp_substr" (Text, Text, Int4) -> Text = pending;
    6267 "regexp_substr" (Text, Text, Int4, Int4) -> Text = pending;
    6268 "regexp_substr" (Text, Text, Int4, Int4, Text) -> Text = pending;
    6269 "regexp_substr" (Text, Text, Int4, Int4, Text, Int4) -> Text = pending;
}
