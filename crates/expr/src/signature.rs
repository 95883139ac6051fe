//! The vocabulary of the function tables: argument types as constants, and the macro that turns a line into a
//! [`Function`](crate::Function).

#![allow(non_upper_case_globals)]

use crate::function::Argument;
use types::DataType;

pub const Any: Argument = Argument::Any;
pub const AnyElement: Argument = Argument::AnyElement;
pub const AnyArray: Argument = Argument::AnyArray;
pub const AnyNonArray: Argument = Argument::AnyNonArray;
pub const AnyCompatible: Argument = Argument::AnyCompatible;
pub const AnyCompatibleArray: Argument = Argument::AnyCompatibleArray;

macro_rules! concrete {
    ($($name:ident)*) => { $(pub const $name: Argument = Argument::Is(DataType::$name);)* };
}

concrete! {
    Bool Int2 Int4 Int8 Float4 Float8 Numeric Text Varchar Bpchar Name Char Bytea Json Jsonb Date Time Timestamp
    TimestampTz Interval TimeTz Uuid Oid Regclass Regtype Regproc Regnamespace Regrole Xid Int2Vector OidVector AclItem
    Record Void
    Int2Array Int4Array Float8Array TextArray NameArray OidArray
    AclItemArray IntervalArray
}

/// ```text
/// functions! {
///     // oid  name           arguments      result    how                   (flags)
///     1317    "length"       (Text)      -> Int4    = columns(length);
///     3058    "concat"       (Any)       -> Text    = columns(concat)       called_on_null variadic stable;
///     3958    "json_each"    (Json)      -> Record { "key" Text, "value" Json } = set(json_each);
/// }
/// ```
macro_rules! functions {
    ($($oid:literal $name:literal ($($argument:ident),*) -> $returns:ident
        $({ $($column:literal $column_type:ident),* })? = $how:ident $(($path:path))? $($flag:ident)*;)*) => {
        pub static FUNCTIONS: &[$crate::function::Function] = &[$(
            $crate::function::Function::new(
                $oid,
                $name,
                &[$($crate::signature::$argument),*],
                $crate::signature::$returns,
                &[$($(($column, types::DataType::$column_type)),*)?],
                $crate::signature::implementation!($how $(($path))?),
            )$(.$flag())*,
        )*];
    };
}

macro_rules! implementation {
    (row($path:path)) => {
        $crate::function::Implementation::Row($path)
    };
    (columns($path:path)) => {
        $crate::function::Implementation::Columns($path)
    };
    (set($path:path)) => {
        $crate::function::Implementation::Set($path)
    };
    (runtime) => {
        $crate::function::Implementation::Runtime
    };
    (pending) => {
        $crate::function::Implementation::Row(|_, _| Err(types::Error::unsupported("this function")))
    };
}

pub(crate) use {functions, implementation};
