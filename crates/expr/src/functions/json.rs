//! json.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    3947 "json_object_field" (Json, Text) -> Json = pending;
    3948 "json_object_field_text" (Json, Text) -> Text = pending;
    3949 "json_array_element" (Json, Int4) -> Json = pending;
    3950 "json_array_element_text" (Json, Int4) -> Text = pending;
    3951 "json_extract_path" (Json, TextArray) -> Json = pending variadic;
    3953 "json_extract_path_text" (Json, TextArray) -> Text = pending variadic;
    3198 "json_build_array" (Any) -> Json = pending called_on_null variadic stable;
    3199 "json_build_array" () -> Json = pending called_on_null stable;
    3200 "json_build_object" (Any) -> Json = pending called_on_null variadic stable;
    3201 "json_build_object" () -> Json = pending called_on_null stable;
    3202 "json_object" (TextArray) -> Json = pending;
    3203 "json_object" (TextArray, TextArray) -> Json = pending;
    3176 "to_json" (AnyElement) -> Json = pending stable;
    3153 "array_to_json" (AnyArray) -> Json = pending stable;
    3155 "row_to_json" (Record) -> Json = pending stable;
    3154 "array_to_json" (AnyArray, Bool) -> Json = pending stable;
    3156 "row_to_json" (Record, Bool) -> Json = pending stable;
    3968 "json_typeof" (Json) -> Text = pending;
    3956 "json_array_length" (Json) -> Int4 = pending;
    3958 "json_each" (Json) -> Record { "key" Text, "value" Json } = pending set;
    3959 "json_each_text" (Json) -> Record { "key" Text, "value" Text } = pending set;
    3957 "json_object_keys" (Json) -> Text = pending set;
    3955 "json_array_elements" (Json) -> Json = pending set;
    3969 "json_array_elements_text" (Json) -> Text = pending set;
    3261 "json_strip_nulls" (Json) -> Json = pending;
}
