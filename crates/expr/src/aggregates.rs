//! The table of aggregates (PostgreSQL 15, 9.21).

mod collect;
mod count;
mod extreme;
mod logical;
mod ordered_set;
mod states;
mod statistics;
mod sum;

use crate::aggregate::Aggregate;
use collect::{array_agg, json_agg, json_object_agg, jsonb_agg, jsonb_object_agg, string_agg};
use count::count;
use extreme::{largest, smallest};
use logical::{bit_and, bit_or, bit_xor, bool_and, bool_or};
use ordered_set::{mode, percentile_cont, percentile_disc};
use statistics::*;
use sum::{average, sum};

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
    2050 "max" (AnyArray) -> AnyArray = largest;
    2051 "min" (AnyArray) -> AnyArray = smallest;
    2100 "avg" (Int8) -> Numeric = average;
    2101 "avg" (Int4) -> Numeric = average;
    2102 "avg" (Int2) -> Numeric = average;
    2103 "avg" (Numeric) -> Numeric = average;
    2104 "avg" (Float4) -> Float8 = average;
    2105 "avg" (Float8) -> Float8 = average;
    2106 "avg" (Interval) -> Interval = average;
    2107 "sum" (Int8) -> Numeric = sum;
    2108 "sum" (Int4) -> Int8 = sum;
    2109 "sum" (Int2) -> Int8 = sum;
    2110 "sum" (Float4) -> Float4 = sum;
    2111 "sum" (Float8) -> Float8 = sum;
    2113 "sum" (Interval) -> Interval = sum;
    2114 "sum" (Numeric) -> Numeric = sum;
    2115 "max" (Int8) -> Int8 = largest;
    2116 "max" (Int4) -> Int4 = largest;
    2117 "max" (Int2) -> Int2 = largest;
    2118 "max" (Oid) -> Oid = largest;
    2119 "max" (Float4) -> Float4 = largest;
    2120 "max" (Float8) -> Float8 = largest;
    2122 "max" (Date) -> Date = largest;
    2123 "max" (Time) -> Time = largest;
    2124 "max" (TimeTz) -> TimeTz = largest;
    2126 "max" (Timestamp) -> Timestamp = largest;
    2127 "max" (TimestampTz) -> TimestampTz = largest;
    2128 "max" (Interval) -> Interval = largest;
    2129 "max" (Text) -> Text = largest;
    2130 "max" (Numeric) -> Numeric = largest;
    2131 "min" (Int8) -> Int8 = smallest;
    2132 "min" (Int4) -> Int4 = smallest;
    2133 "min" (Int2) -> Int2 = smallest;
    2134 "min" (Oid) -> Oid = smallest;
    2135 "min" (Float4) -> Float4 = smallest;
    2136 "min" (Float8) -> Float8 = smallest;
    2138 "min" (Date) -> Date = smallest;
    2139 "min" (Time) -> Time = smallest;
    2140 "min" (TimeTz) -> TimeTz = smallest;
    2142 "min" (Timestamp) -> Timestamp = smallest;
    2143 "min" (TimestampTz) -> TimestampTz = smallest;
    2144 "min" (Interval) -> Interval = smallest;
    2145 "min" (Text) -> Text = smallest;
    2146 "min" (Numeric) -> Numeric = smallest;
    2147 "count" (Any) -> Int8 = count;
    2148 "variance" (Int8) -> Numeric = variance_sample;
    2149 "variance" (Int4) -> Numeric = variance_sample;
    2150 "variance" (Int2) -> Numeric = variance_sample;
    2151 "variance" (Float4) -> Float8 = variance_sample;
    2152 "variance" (Float8) -> Float8 = variance_sample;
    2153 "variance" (Numeric) -> Numeric = variance_sample;
    2154 "stddev" (Int8) -> Numeric = deviation_sample;
    2155 "stddev" (Int4) -> Numeric = deviation_sample;
    2156 "stddev" (Int2) -> Numeric = deviation_sample;
    2157 "stddev" (Float4) -> Float8 = deviation_sample;
    2158 "stddev" (Float8) -> Float8 = deviation_sample;
    2159 "stddev" (Numeric) -> Numeric = deviation_sample;
    2236 "bit_and" (Int2) -> Int2 = bit_and;
    2237 "bit_or" (Int2) -> Int2 = bit_or;
    2238 "bit_and" (Int4) -> Int4 = bit_and;
    2239 "bit_or" (Int4) -> Int4 = bit_or;
    2240 "bit_and" (Int8) -> Int8 = bit_and;
    2241 "bit_or" (Int8) -> Int8 = bit_or;
    2244 "max" (Bpchar) -> Bpchar = largest;
    2245 "min" (Bpchar) -> Bpchar = smallest;
    2335 "array_agg" (AnyNonArray) -> AnyArray = array_agg;
    2517 "bool_and" (Bool) -> Bool = bool_and;
    2518 "bool_or" (Bool) -> Bool = bool_or;
    2519 "every" (Bool) -> Bool = bool_and;
    2641 "var_samp" (Int8) -> Numeric = variance_sample;
    2642 "var_samp" (Int4) -> Numeric = variance_sample;
    2643 "var_samp" (Int2) -> Numeric = variance_sample;
    2644 "var_samp" (Float4) -> Float8 = variance_sample;
    2645 "var_samp" (Float8) -> Float8 = variance_sample;
    2646 "var_samp" (Numeric) -> Numeric = variance_sample;
    2712 "stddev_samp" (Int8) -> Numeric = deviation_sample;
    2713 "stddev_samp" (Int4) -> Numeric = deviation_sample;
    2714 "stddev_samp" (Int2) -> Numeric = deviation_sample;
    2715 "stddev_samp" (Float4) -> Float8 = deviation_sample;
    2716 "stddev_samp" (Float8) -> Float8 = deviation_sample;
    2717 "stddev_samp" (Numeric) -> Numeric = deviation_sample;
    2718 "var_pop" (Int8) -> Numeric = variance_population;
    2719 "var_pop" (Int4) -> Numeric = variance_population;
    2720 "var_pop" (Int2) -> Numeric = variance_population;
    2721 "var_pop" (Float4) -> Float8 = variance_population;
    2722 "var_pop" (Float8) -> Float8 = variance_population;
    2723 "var_pop" (Numeric) -> Numeric = variance_population;
    2724 "stddev_pop" (Int8) -> Numeric = deviation_population;
    2725 "stddev_pop" (Int4) -> Numeric = deviation_population;
    2726 "stddev_pop" (Int2) -> Numeric = deviation_population;
    2727 "stddev_pop" (Float4) -> Float8 = deviation_population;
    2728 "stddev_pop" (Float8) -> Float8 = deviation_population;
    2729 "stddev_pop" (Numeric) -> Numeric = deviation_population;
    2803 "count" () -> Int8 = count;
    2818 "regr_count" (Float8, Float8) -> Int8 = regr_count;
    2819 "regr_sxx" (Float8, Float8) -> Float8 = regr_sxx;
    2820 "regr_syy" (Float8, Float8) -> Float8 = regr_syy;
    2821 "regr_sxy" (Float8, Float8) -> Float8 = regr_sxy;
    2822 "regr_avgx" (Float8, Float8) -> Float8 = regr_avgx;
    2823 "regr_avgy" (Float8, Float8) -> Float8 = regr_avgy;
    2824 "regr_r2" (Float8, Float8) -> Float8 = regr_r2;
    2825 "regr_slope" (Float8, Float8) -> Float8 = regr_slope;
    2826 "regr_intercept" (Float8, Float8) -> Float8 = regr_intercept;
    2827 "covar_pop" (Float8, Float8) -> Float8 = covar_pop;
    2828 "covar_samp" (Float8, Float8) -> Float8 = covar_samp;
    2829 "corr" (Float8, Float8) -> Float8 = corr;
    3175 "json_agg" (AnyElement) -> Json = json_agg;
    3197 "json_object_agg" (Any, Any) -> Json = json_object_agg;
    3267 "jsonb_agg" (AnyElement) -> Jsonb = jsonb_agg;
    3270 "jsonb_object_agg" (Any, Any) -> Jsonb = jsonb_object_agg;
    3538 "string_agg" (Text, Text) -> Text = string_agg;
    3545 "string_agg" (Bytea, Bytea) -> Bytea = string_agg;
    3972 "percentile_disc" (Float8, AnyElement) -> AnyElement = percentile_disc ordered_set;
    3974 "percentile_cont" (Float8, Float8) -> Float8 = percentile_cont ordered_set;
    3976 "percentile_cont" (Float8, Interval) -> Interval = percentile_cont ordered_set;
    3978 "percentile_disc" (Float8Array, AnyElement) -> AnyArray = percentile_disc ordered_set;
    3980 "percentile_cont" (Float8Array, Float8) -> Float8Array = percentile_cont ordered_set;
    3982 "percentile_cont" (Float8Array, Interval) -> IntervalArray = percentile_cont ordered_set;
    3984 "mode" (AnyElement) -> AnyElement = mode ordered_set;
    4053 "array_agg" (AnyArray) -> AnyArray = array_agg;
    6164 "bit_xor" (Int2) -> Int2 = bit_xor;
    6165 "bit_xor" (Int4) -> Int4 = bit_xor;
    6166 "bit_xor" (Int8) -> Int8 = bit_xor;
}
