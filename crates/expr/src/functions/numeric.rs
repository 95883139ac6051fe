//! numeric.

use crate::signature::functions;

#[rustfmt::skip]
functions! {
    1724 "numeric_add" (Numeric, Numeric) -> Numeric = pending;
    1725 "numeric_sub" (Numeric, Numeric) -> Numeric = pending;
    1726 "numeric_mul" (Numeric, Numeric) -> Numeric = pending;
    1727 "numeric_div" (Numeric, Numeric) -> Numeric = pending;
    1729 "numeric_mod" (Numeric, Numeric) -> Numeric = pending;
    1728 "mod" (Numeric, Numeric) -> Numeric = pending;
    1771 "numeric_uminus" (Numeric) -> Numeric = pending;
    1915 "numeric_uplus" (Numeric) -> Numeric = pending;
    1704 "numeric_abs" (Numeric) -> Numeric = pending;
    1705 "abs" (Numeric) -> Numeric = pending;
    1739 "numeric_power" (Numeric, Numeric) -> Numeric = pending;
    1738 "pow" (Numeric, Numeric) -> Numeric = pending;
    2169 "power" (Numeric, Numeric) -> Numeric = pending;
    1730 "sqrt" (Numeric) -> Numeric = pending;
    1731 "numeric_sqrt" (Numeric) -> Numeric = pending;
    1711 "ceil" (Numeric) -> Numeric = pending;
    2167 "ceiling" (Numeric) -> Numeric = pending;
    1712 "floor" (Numeric) -> Numeric = pending;
    1707 "round" (Numeric, Int4) -> Numeric = pending;
    1709 "trunc" (Numeric, Int4) -> Numeric = pending;
    1708 "round" (Numeric) -> Numeric = pending;
    1710 "trunc" (Numeric) -> Numeric = pending;
    1706 "sign" (Numeric) -> Numeric = pending;
    1732 "exp" (Numeric) -> Numeric = pending;
    1733 "numeric_exp" (Numeric) -> Numeric = pending;
    1734 "ln" (Numeric) -> Numeric = pending;
    1735 "numeric_ln" (Numeric) -> Numeric = pending;
    1736 "log" (Numeric, Numeric) -> Numeric = pending;
    1737 "numeric_log" (Numeric, Numeric) -> Numeric = pending;
    1741 "log" (Numeric) -> Numeric = pending;
    1481 "log10" (Numeric) -> Numeric = pending;
    1973 "div" (Numeric, Numeric) -> Numeric = pending;
    1980 "numeric_div_trunc" (Numeric, Numeric) -> Numeric = pending;
    1376 "factorial" (Int8) -> Numeric = pending;
    5048 "gcd" (Numeric, Numeric) -> Numeric = pending;
    5049 "lcm" (Numeric, Numeric) -> Numeric = pending;
    3281 "scale" (Numeric) -> Int4 = pending;
    5042 "min_scale" (Numeric) -> Int4 = pending;
    5043 "trim_scale" (Numeric) -> Numeric = pending;
    1764 "numeric_inc" (Numeric) -> Numeric = pending;
    2170 "width_bucket" (Numeric, Numeric, Numeric, Int4) -> Int4 = pending;
    3218 "width_bucket" (AnyCompatible, AnyCompatibleArray) -> Int4 = pending;
}
