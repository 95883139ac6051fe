//! Arithmetic on numbers that fit an i64 and a scale of at most 18. Each function gives None where the result may
//! not fit: the caller then takes the long way.

use std::cmp::Ordering;

/// (units, scale)
pub(super) type Small = (i64, u8);

pub(super) const POWERS_OF_10: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Both numbers in units of the larger scale. |units| < 2^63 and 10^18 < 2^60: no overflow.
fn align((a, i): Small, (b, j): Small) -> (i128, i128, u8) {
    let (a, b) = (a as i128, b as i128);
    match i.cmp(&j) {
        Ordering::Equal => (a, b, i),
        Ordering::Less => (a * POWERS_OF_10[(j - i) as usize], b, j),
        Ordering::Greater => (a, b * POWERS_OF_10[(i - j) as usize], i),
    }
}

pub(super) fn compare(left: Small, right: Small) -> Ordering {
    if left.1 == right.1 {
        return left.0.cmp(&right.0);
    }
    let (a, b, _) = align(left, right);
    a.cmp(&b)
}

pub(super) fn add(left: Small, right: Small) -> (i128, u8) {
    let (a, b, scale) = align(left, right);
    (a + b, scale)
}

pub(super) fn sub(left: Small, right: Small) -> (i128, u8) {
    let (a, b, scale) = align(left, right);
    (a - b, scale)
}

/// The scale of a product is the sum of the scales.
pub(super) fn mul((a, i): Small, (b, j): Small) -> (i128, u8) {
    (a as i128 * b as i128, i + j)
}

/// The remainder has the dividend's sign and the larger scale. `right` is not zero.
pub(super) fn rem(left: Small, right: Small) -> (i128, u8) {
    let (a, b, scale) = align(left, right);
    (a % b, scale)
}

/// left / right with `scale` digits after the point, rounded half away from zero. `right` is not zero.
pub(super) fn div(left: Small, right: Small, scale: i32) -> Option<i128> {
    let shift = scale - left.1 as i32 + right.1 as i32;
    let (mut a, mut b) = (left.0 as i128, right.0 as i128);
    let power = *POWERS_OF_10.get(shift.unsigned_abs() as usize)?;
    if shift >= 0 {
        a = a.checked_mul(power)?;
    } else {
        b = b.checked_mul(power)?;
    }
    Some(div_round(a, b))
}

/// Rounds half away from zero.
pub(super) fn div_round(a: i128, b: i128) -> i128 {
    let (quotient, remainder) = (a / b, a % b);
    if remainder.unsigned_abs() >= b.unsigned_abs() - remainder.unsigned_abs() {
        quotient + if (a < 0) == (b < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// With another scale: exact, rounded half away from zero, or cut off. None where the power is too large.
pub(super) fn rescale((units, old): Small, scale: i32, round: bool) -> Option<i128> {
    let units = units as i128;
    let power = *POWERS_OF_10.get((scale - old as i32).unsigned_abs() as usize)?;
    if scale >= old as i32 {
        units.checked_mul(power)
    } else {
        Some(if round { div_round(units, power) } else { units / power })
    }
}

/// Without trailing zeros after the point.
pub(super) fn trim((mut units, mut scale): Small) -> Small {
    while scale > 0 && units % 10 == 0 {
        units /= 10;
        scale -= 1;
    }
    (units, scale)
}
