//! The table of aggregates (PostgreSQL 15, 9.21).

use crate::aggregate::{Accumulator, Aggregate};
use crate::context::Context;
use types::{DataType, Error, Result, Vector};

macro_rules! aggregates {
    ($($oid:literal $name:literal ($($argument:ident),*) -> $returns:ident = $accumulator:ident $($kind:ident)?;)*) => {
        pub(crate) static AGGREGATES: &[Aggregate] = &[$(
            Aggregate {
                name: $name,
                oid: $oid,
                args: &[$(crate::signature::$argument),*],
                returns: crate::signature::$returns,
                accumulator: $accumulator,
                ordered_set: ordered_set!($($kind)?),
            },
        )*];
    };
}

macro_rules! ordered_set {
    () => {
        false
    };
    (ordered_set) => {
        true
    };
}

#[rustfmt::skip]
aggregates! {
    2050 "max" (AnyArray) -> AnyArray = pending;
    2051 "min" (AnyArray) -> AnyArray = pending;
    2100 "avg" (Int8) -> Numeric = pending;
    2101 "avg" (Int4) -> Numeric = pending;
    2102 "avg" (Int2) -> Numeric = pending;
    2103 "avg" (Numeric) -> Numeric = pending;
    2104 "avg" (Float4) -> Float8 = pending;
    2105 "avg" (Float8) -> Float8 = pending;
    2106 "avg" (Interval) -> Interval = pending;
    2107 "sum" (Int8) -> Numeric = pending;
    2108 "sum" (Int4) -> Int8 = pending;
    2109 "sum" (Int2) -> Int8 = pending;
    2110 "sum" (Float4) -> Float4 = pending;
    2111 "sum" (Float8) -> Float8 = pending;
    2113 "sum" (Interval) -> Interval = pending;
    2114 "sum" (Numeric) -> Numeric = pending;
    2115 "max" (Int8) -> Int8 = pending;
    2116 "max" (Int4) -> Int4 = pending;
    2117 "max" (Int2) -> Int2 = pending;
    2118 "max" (Oid) -> Oid = pending;
    2119 "max" (Float4) -> Float4 = pending;
    2120 "max" (Float8) -> Float8 = pending;
    2122 "max" (Date) -> Date = pending;
    2123 "max" (Time) -> Time = pending;
    2124 "max" (TimeTz) -> TimeTz = pending;
    2126 "max" (Timestamp) -> Timestamp = pending;
    2127 "max" (TimestampTz) -> TimestampTz = pending;
    2128 "max" (Interval) -> Interval = pending;
    2129 "max" (Text) -> Text = pending;
    2130 "max" (Numeric) -> Numeric = pending;
    2131 "min" (Int8) -> Int8 = pending;
    2132 "min" (Int4) -> Int4 = pending;
    2133 "min" (Int2) -> Int2 = pending;
    2134 "min" (Oid) -> Oid = pending;
    2135 "min" (Float4) -> Float4 = pending;
    2136 "min" (Float8) -> Float8 = pending;
    2138 "min" (Date) -> Date = pending;
    2139 "min" (Time) -> Time = pending;
    2140 "min" (TimeTz) -> TimeTz = pending;
    2142 "min" (Timestamp) -> Timestamp = pending;
    2143 "min" (TimestampTz) -> TimestampTz = pending;
    2144 "min" (Interval) -> Interval = pending;
    2145 "min" (Text) -> Text = pending;
    2146 "min" (Numeric) -> Numeric = pending;
    2147 "count" (Any) -> Int8 = pending;
    2148 "variance" (Int8) -> Numeric = pending;
    2149 "variance" (Int4) -> Numeric = pending;
    2150 "variance" (Int2) -> Numeric = pending;
    2151 "variance" (Float4) -> Float8 = pending;
    2152 "variance" (Float8) -> Float8 = pending;
    2153 "variance" (Numeric) -> Numeric = pending;
    2154 "stddev" (Int8) -> Numeric = pending;
    2155 "stddev" (Int4) -> Numeric = pending;
    2156 "stddev" (Int2) -> Numeric = pending;
    2157 "stddev" (Float4) -> Float8 = pending;
    2158 "stddev" (Float8) -> Float8 = pending;
    2159 "stddev" (Numeric) -> Numeric = pending;
    2236 "bit_and" (Int2) -> Int2 = pending;
    2237 "bit_or" (Int2) -> Int2 = pending;
    2238 "bit_and" (Int4) -> Int4 = pending;
    2239 "bit_or" (Int4) -> Int4 = pending;
    2240 "bit_and" (Int8) -> Int8 = pending;
    2241 "bit_or" (Int8) -> Int8 = pending;
    2244 "max" (Bpchar) -> Bpchar = pending;
    2245 "min" (Bpchar) -> Bpchar = pending;
    2335 "array_agg" (AnyNonArray) -> AnyArray = pending;
    2517 "bool_and" (Bool) -> Bool = pending;
    2518 "bool_or" (Bool) -> Bool = pending;
    2519 "every" (Bool) -> Bool = pending;
    2641 "var_samp" (Int8) -> Numeric = pending;
    2642 "var_samp" (Int4) -> Numeric = pending;
    2643 "var_samp" (Int2) -> Numeric = pending;
    2644 "var_samp" (Float4) -> Float8 = pending;
    2645 "var_samp" (Float8) -> Float8 = pending;
    2646 "var_samp" (Numeric) -> Numeric = pending;
    2712 "stddev_samp" (Int8) -> Numeric = pending;
    2713 "stddev_samp" (Int4) -> Numeric = pending;
    2714 "stddev_samp" (Int2) -> Numeric = pending;
    2715 "stddev_samp" (Float4) -> Float8 = pending;
    2716 "stddev_samp" (Float8) -> Float8 = pending;
    2717 "stddev_samp" (Numeric) -> Numeric = pending;
    2718 "var_pop" (Int8) -> Numeric = pending;
    2719 "var_pop" (Int4) -> Numeric = pending;
    2720 "var_pop" (Int2) -> Numeric = pending;
    2721 "var_pop" (Float4) -> Float8 = pending;
    2722 "var_pop" (Float8) -> Float8 = pending;
    2723 "var_pop" (Numeric) -> Numeric = pending;
    2724 "stddev_pop" (Int8) -> Numeric = pending;
    2725 "stddev_pop" (Int4) -> Numeric = pending;
    2726 "stddev_pop" (Int2) -> Numeric = pending;
    2727 "stddev_pop" (Float4) -> Float8 = pending;
    2728 "stddev_pop" (Float8) -> Float8 = pending;
    2729 "stddev_pop" (Numeric) -> Numeric = pending;
    2803 "count" () -> Int8 = pending;
    2818 "regr_count" (Float8, Float8) -> Int8 = pending;
    2819 "regr_sxx" (Float8, Float8) -> Float8 = pending;
    2820 "regr_syy" (Float8, Float8) -> Float8 = pending;
    2821 "regr_sxy" (Float8, Float8) -> Float8 = pending;
    2822 "regr_avgx" (Float8, Float8) -> Float8 = pending;
    2823 "regr_avgy" (Float8, Float8) -> Float8 = pending;
    2824 "regr_r2" (Float8, Float8) -> Float8 = pending;
    2825 "regr_slope" (Float8, Float8) -> Float8 = pending;
    2826 "regr_intercept" (Float8, Float8) -> Float8 = pending;
    2827 "covar_pop" (Float8, Float8) -> Float8 = pending;
    2828 "covar_samp" (Float8, Float8) -> Float8 = pending;
    2829 "corr" (Float8, Float8) -> Float8 = pending;
    3175 "json_agg" (AnyElement) -> Json = pending;
    3197 "json_object_agg" (Any, Any) -> Json = pending;
    3267 "jsonb_agg" (AnyElement) -> Jsonb = pending;
    3270 "jsonb_object_agg" (Any, Any) -> Jsonb = pending;
    3538 "string_agg" (Text, Text) -> Text = pending;
    3545 "string_agg" (Bytea, Bytea) -> Bytea = pending;
    3972 "percentile_disc" (Float8, AnyElement) -> AnyElement = pending ordered_set;
    3974 "percentile_cont" (Float8, Float8) -> Float8 = pending ordered_set;
    3976 "percentile_cont" (Float8, Interval) -> Interval = pending ordered_set;
    3978 "percentile_disc" (Float8Array, AnyElement) -> AnyArray = pending ordered_set;
    3980 "percentile_cont" (Float8Array, Float8) -> Float8Array = pending ordered_set;
    3982 "percentile_cont" (Float8Array, Interval) -> IntervalArray = pending ordered_set;
    3984 "mode" (AnyElement) -> AnyElement = pending ordered_set;
    4053 "array_agg" (AnyArray) -> AnyArray = pending;
    6164 "bit_xor" (Int2) -> Int2 = pending;
    6165 "bit_xor" (Int4) -> Int4 = pending;
    6166 "bit_xor" (Int8) -> Int8 = pending;
}

struct Pending;

impl Accumulator for Pending {
    fn update(&mut self, _: &[usize], _: usize, _: &[Vector], _: &Context<'_>) -> Result<()> {
        Err(Error::unsupported("this aggregate"))
    }
    fn finish(&mut self, _: usize, _: &Context<'_>) -> Result<Vector> {
        Err(Error::unsupported("this aggregate"))
    }
}

fn pending(_: &[DataType], _: DataType) -> Box<dyn Accumulator> {
    Box::new(Pending)
}
