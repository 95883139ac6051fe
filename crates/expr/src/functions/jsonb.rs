//! jsonb.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    3478 "jsonb_object_field" (Jsonb, Text) -> Jsonb = pending;
    3214 "jsonb_object_field_text" (Jsonb, Text) -> Text = pending;
    3215 "jsonb_array_element" (Jsonb, Int4) -> Jsonb = pending;
    3216 "jsonb_array_element_text" (Jsonb, Int4) -> Text = pending;
    3217 "jsonb_extract_path" (Jsonb, TextArray) -> Jsonb = pending variadic;
    3940 "jsonb_extract_path_text" (Jsonb, TextArray) -> Text = pending variadic;
    4046 "jsonb_contains" (Jsonb, Jsonb) -> Bool = pending;
    4050 "jsonb_contained" (Jsonb, Jsonb) -> Bool = pending;
    4047 "jsonb_exists" (Jsonb, Text) -> Bool = pending;
    4048 "jsonb_exists_any" (Jsonb, TextArray) -> Bool = pending;
    4049 "jsonb_exists_all" (Jsonb, TextArray) -> Bool = pending;
    3301 "jsonb_concat" (Jsonb, Jsonb) -> Jsonb = pending;
    3302 "jsonb_delete" (Jsonb, Text) -> Jsonb = pending;
    3343 "jsonb_delete" (Jsonb, TextArray) -> Jsonb = pending variadic;
    3303 "jsonb_delete" (Jsonb, Int4) -> Jsonb = pending;
    3304 "jsonb_delete_path" (Jsonb, TextArray) -> Jsonb = pending;
    3271 "jsonb_build_array" (Any) -> Jsonb = pending called_on_null variadic stable;
    3272 "jsonb_build_array" () -> Jsonb = pending called_on_null stable;
    3273 "jsonb_build_object" (Any) -> Jsonb = pending called_on_null variadic stable;
    3274 "jsonb_build_object" () -> Jsonb = pending called_on_null stable;
    3263 "jsonb_object" (TextArray) -> Jsonb = pending;
    3264 "jsonb_object" (TextArray, TextArray) -> Jsonb = pending;
    3787 "to_jsonb" (AnyElement) -> Jsonb = pending stable;
    3305 "jsonb_set" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb = pending;
    0 "jsonb_set" (Jsonb, TextArray, Jsonb) -> Jsonb = pending;
    5054 "jsonb_set_lax" (Jsonb, TextArray, Jsonb, Bool, Text) -> Jsonb = pending called_on_null;
    0 "jsonb_set_lax" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb = pending called_on_null;
    0 "jsonb_set_lax" (Jsonb, TextArray, Jsonb) -> Jsonb = pending called_on_null;
    3579 "jsonb_insert" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb = pending;
    0 "jsonb_insert" (Jsonb, TextArray, Jsonb) -> Jsonb = pending;
    3210 "jsonb_typeof" (Jsonb) -> Text = pending;
    3207 "jsonb_array_length" (Jsonb) -> Int4 = pending;
    3208 "jsonb_each" (Jsonb) -> Record { "key" Text, "value" Jsonb } = pending set;
    3932 "jsonb_each_text" (Jsonb) -> Record { "key" Text, "value" Text } = pending set;
    3931 "jsonb_object_keys" (Jsonb) -> Text = pending set;
    3219 "jsonb_array_elements" (Jsonb) -> Jsonb = pending set;
    3465 "jsonb_array_elements_text" (Jsonb) -> Text = pending set;
    3306 "jsonb_pretty" (Jsonb) -> Text = pending;
    3262 "jsonb_strip_nulls" (Jsonb) -> Jsonb = pending;
}

/// `document[index]`: a field by text, an element by number.
pub(crate) fn at(
    _context: &crate::context::Context<'_>,
    _document: &types::Value,
    _index: &types::Value,
) -> types::Result<types::Value> {
    Err(types::Error::unsupported("a subscript of jsonb"))
}
